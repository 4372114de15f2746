-- The newest alerts, newest first, and what came of telling them: {"data": [{"id", "time", "kind",
-- "state", "level", "about", "deliveries"}]}, each of which is {"channel", "attempts",
-- "delivered_at", "problem", "next_attempt_at"}.
create or replace function public.list_alerts(p_limit integer) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.list_alerts_at(clock_timestamp(), p_limit);
end;
$$;
