-- First what takes time, then what locks: nothing is read while settlements wait. By a
-- clock that is not steady nothing is dropped.
create or replace function gateway.keep_house_at(p_now timestamptz, p_retention_months integer)
returns jsonb
language plpgsql
as $$
declare
    -- Two at least: what was counted lately may be sent again (gateway.is_counted).
    v_months constant integer := least(greatest(coalesce(p_retention_months, 12), 2), 1200);
    v_kept_from constant timestamptz
    := (p_now at time zone 'UTC' - make_interval(months => v_months)) at time zone 'UTC';
    v_rolled_up timestamptz[];
    v_kept_back text[];
    v_dropped text[] := '{}';
    v_made integer := 0;
    v_over record;
    -- Somebody else keeps house, or is in the way: what is missing is done the next time.
    v_busy boolean := not pg_try_advisory_xact_lock(gateway.housekeeping_lock());
begin
    if not v_busy then
        select
            array_agg(m.month) filter (where m.is_rolled_up),
            array_agg(m.name order by m.name) filter (where not m.is_rolled_up)
        into v_rolled_up, v_kept_back
        from (
            select m.*, gateway.is_rolled_up(m.month) as is_rolled_up
            from gateway.log_months() as m
            where gateway.month_after(m.month) < v_kept_from and gateway.is_steady(p_now)
        ) as m;

        delete from gateway.retired_keys as r
        where r.valid_until < p_now - interval '30 days' and gateway.is_steady(p_now);
        perform gateway.forget_failures(p_now);
        perform gateway.forget_visitors(p_now, v_kept_from) where gateway.is_steady(p_now);
        perform gateway.forget_alerts(p_now) where gateway.is_steady(p_now);

        v_made := gateway.ensure_partitions_at(p_now);
        v_busy := not gateway.has_partition(gateway.month_after(p_now));
        for v_over in
            select m.* from gateway.log_months() as m where m.month = any(v_rolled_up)
        loop
            v_busy := v_busy or not gateway.drop_month(v_over.month);
            exit when v_busy;
            v_dropped := v_dropped || v_over.name;
        end loop;
    end if;
    return jsonb_build_object(
        'partitions_made', v_made,
        'partitions_dropped', v_dropped,
        'kept_back', coalesce(v_kept_back, '{}'),
        'busy', v_busy
    );
end;
$$;
