create or replace function gateway.import_data_at(p_now timestamptz, p_kind text, p_rows jsonb)
returns jsonb
language plpgsql
as $$
declare
    v_columns constant text[] := gateway.moving_columns(p_kind);
    v_row jsonb;
    v_number integer := 0;
    v_imported integer := 0;
    v_different jsonb := '[]'; -- keys that are here, and left as they are
    v_wrong text;
begin
    if gateway.moving_order(p_kind) is null then
        return gateway.unknown_kind();
    end if;
    if jsonb_typeof(p_rows) is distinct from 'array' then
        return gateway.refusal('invalid', 'The rows must be a list.');
    end if;
    -- One at a time, and none while keep_house adds up months of the log.
    perform pg_advisory_xact_lock(gateway.housekeeping_lock());
    if p_kind in ('daily', 'visitor_daily', 'logs') then -- before the days, as settling does
        perform 1
        from gateway.key_counters as c
        where
            c.api_key_id::text in (
                select r.one ->> 'api_key_id' from jsonb_array_elements(p_rows) as r (one)
            )
        order by c.api_key_id
        for update;
    end if;

    for v_row in select r.one from jsonb_array_elements(p_rows) as r (one) loop
        v_number := v_number + 1;
        v_wrong := gateway.check_row(p_now, p_kind, v_columns, v_row);
        if v_wrong is not null then
            raise data_exception using message = v_wrong;
        end if;
        if gateway.import_row(p_kind, v_row) then
            v_imported := v_imported + 1;
        elsif p_kind = 'keys' then
            v_different := v_different || coalesce(gateway.key_difference(v_row), '[]');
        end if;
    end loop;

    if p_kind in ('daily', 'visitor_daily', 'logs') and v_imported > 0 then
        perform gateway.add_up(p_kind, p_rows);
    end if;
    if p_kind = 'logs' then -- the default partition has caught what had none
        perform gateway.ensure_partitions(array(
            select m.month from gateway.log_months() as m
            where m.month between p_now - interval '10 years' and p_now
            order by m.month
        ));
    end if;
    return jsonb_build_object('imported', v_imported, 'present', v_number - v_imported)
    || case when p_kind = 'keys' then jsonb_build_object('different', v_different) else '{}' end;
exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded then
        return gateway.refusal(
            'invalid',
            format(
                'Row %s (%s): %s',
                v_number,
                (
                    select string_agg(v_row ->> o.name, ' ' order by o.number)
                    from unnest(gateway.moving_order(p_kind)) with ordinality as o (name, number)
                ),
                gateway.invalid(sqlerrm) ->> 'detail'
            )
        );
end;
$$;
