-- Whether the log has the request, in whichever month: a clock may have jumped since. Who waits
-- here for the counter sees what the one before wrote.
create or replace function gateway.is_counted(p_request_id uuid, p_key_id uuid) returns boolean
language plpgsql
as $$
begin
    perform 1 from gateway.key_counters as c where c.api_key_id = p_key_id for update;
    return exists (select 1 from gateway.usage_logs as l where l.request_id = p_request_id);
end;
$$;
