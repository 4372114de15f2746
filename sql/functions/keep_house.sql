-- What has to be done once a day, by any gateway: the log's partitions are made ahead, and its old
-- months dropped, once the daily roll-up has them; what is long over is forgotten. That somebody
-- calls is also what keeps a free Supabase project awake.
--
-- PostgREST gives each call the time that its function asks for: adding up a month may need some.
create or replace function public.keep_house(p_retention_months integer) returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '60s'
as $$
begin
    return gateway.keep_house_at(clock_timestamp(), p_retention_months);
end;
$$;
