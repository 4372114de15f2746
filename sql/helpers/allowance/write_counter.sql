-- Write what settling changes of a counter, if there is one. The caller has locked it.
create or replace function gateway.write_counter(p_counter gateway.key_counters) returns void
language plpgsql
as $$
begin
    if p_counter.api_key_id is null then
        return;
    end if;
    update gateway.key_counters as c
    set
        month_start = p_counter.month_start,
        tokens_used = p_counter.tokens_used,
        tokens_held = p_counter.tokens_held,
        requests = p_counter.requests
    where c.api_key_id = p_counter.api_key_id;
end;
$$;
