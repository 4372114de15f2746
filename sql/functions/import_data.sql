-- Take in what public.export_data gave, first keys, then the rest. What is there already is left as
-- it is, so a page can be sent again; keys that are `different` there are named. One wrong row, and
-- nothing of its page is taken. Days and counters come by themselves, and are raised only to what
-- the log and the days have.
create or replace function public.import_data(p_kind text, p_rows jsonb) returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '60s'
as $$
begin
    return gateway.import_data_at(clock_timestamp(), p_kind, p_rows);
end;
$$;
