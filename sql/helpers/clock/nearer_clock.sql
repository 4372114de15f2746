-- The one of two times that is nearer to what was seen last: the other clock has jumped.
create or replace function gateway.nearer_clock(p_now timestamptz, p_clock timestamptz)
returns timestamptz
language plpgsql stable
as $$
declare
    v_seen timestamptz;
begin
    select c.seen_at into v_seen from gateway.clock as c;
    return case
        when greatest(v_seen - p_clock, p_clock - v_seen) < greatest(v_seen - p_now, p_now - v_seen)
            then p_clock
        else p_now
    end;
end;
$$;
