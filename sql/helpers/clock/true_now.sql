-- The time by which to decide: Postgres' own, unless a gateway tells quite another. Then the one of
-- the two that is nearer to what was seen last: the other clock has jumped.
create or replace function gateway.true_now(p_now timestamptz, p_clock timestamptz)
returns timestamptz
language plpgsql stable
as $$
declare
    v_seen timestamptz;
begin
    if p_clock is null or p_clock between p_now - interval '1 hour' and p_now + interval '1 hour'
    then
        return p_now;
    end if;
    select c.seen_at into v_seen from gateway.clock as c;
    return case
        when greatest(v_seen - p_clock, p_clock - v_seen) < greatest(v_seen - p_now, p_now - v_seen)
            then p_clock
        else p_now
    end;
end;
$$;
