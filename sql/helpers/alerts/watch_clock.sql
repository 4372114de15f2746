-- An alert if it was later than p_now already: once for each such jump, of which the sweep that
-- notices it writes down the new time.
create or replace function gateway.watch_clock(p_now timestamptz) returns void
language plpgsql
as $$
declare
    v_seen timestamptz;
begin
    select c.seen_at into v_seen from gateway.clock as c for update;
    if p_now < v_seen - interval '1 hour' then
        perform gateway.begin_alert(
            p_now,
            'clock_back/' || gateway.iso(v_seen),
            'clock_back',
            1,
            jsonb_build_object('was', gateway.iso(v_seen), 'is', gateway.iso(p_now))
        );
    end if;
end;
$$;
