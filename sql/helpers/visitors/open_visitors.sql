-- The same for a visitor and the pool, where it is needed. A day that begins a moment after p_now
-- has begun while this call waited for the lock.
create or replace function gateway.open_visitors(
    p_now timestamptz, p_key_id uuid, p_visitor gateway.visitor, p_request uuid
) returns void
language plpgsql
as $$
declare
    v_limit gateway.visitor_limit;
    v_day constant date := gateway.day_of(p_now);
begin
    for v_limit in select l.* from gateway.visitor_limits(p_visitor) as l loop
        perform 1
        from gateway.visitor_counters as c
        where
            c.api_key_id = p_key_id
            and c.id = v_limit.id
            and (c.day = v_day or c.day = gateway.day_of(p_now + interval '1 hour'));
        if not found then
            perform gateway.open_visitor(p_now, p_key_id, p_visitor, v_limit, p_request);
        end if;
    end loop;
end;
$$;
