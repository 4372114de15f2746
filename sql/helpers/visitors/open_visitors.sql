-- The same for a visitor and the pool, where it is needed: both are of one day, or what is held
-- would be given back to one of them only. A day that begins a moment after p_now has begun while
-- this call waited for the lock.
create or replace function gateway.open_visitors(
    p_now timestamptz, p_key_id uuid, p_visitor gateway.visitor, p_request uuid
) returns void
language plpgsql
as $$
declare
    v_limit gateway.visitor_limit;
    v_day date;
begin
    select greatest(gateway.day_of(p_now), max(c.day)) into v_day
    from gateway.visitor_counters as c
    where
        c.api_key_id = p_key_id
        and c.id in (p_visitor.id, p_visitor.pool)
        and c.day <= gateway.day_of(p_now + interval '1 hour');
    for v_limit in
        select l.*
        from gateway.visitor_limits(p_visitor) as l
        where
            not exists (
                select 1
                from gateway.visitor_counters as c
                where c.api_key_id = p_key_id and c.id = l.id and c.day = v_day
            )
    loop
        perform gateway.open_visitor(p_now, v_day, p_key_id, p_visitor, v_limit, p_request);
    end loop;
end;
$$;
