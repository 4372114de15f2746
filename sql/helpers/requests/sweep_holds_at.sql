create or replace function gateway.sweep_holds_at(
    p_now timestamptz, p_live uuid[], p_ttl_seconds integer, p_gateway uuid default null
) returns gateway.sweep_result
language plpgsql
as $$
declare
    v_renewed integer;
    v_released integer := 0;
    v_hold gateway.holds;
    v_gateways constant integer := gateway.note_gateway(p_now, p_gateway);
begin
    perform gateway.watch_clock(p_now);
    perform gateway.note_time(p_now);
    if gateway.ensure_partitions_at(p_now) > 0 then
        -- Once a month, and with strong locks: the next sweep does the sweeping.
        return row(0, 0, v_gateways)::gateway.sweep_result;
    end if;

    perform gateway.prepare_secret(p_now);

    -- The lock order of settle_requests_at.
    perform 1
    from gateway.holds as h
    where
        h.request_id = any(p_live)
        or (h.released_at is null and h.expires_at <= p_now)
        or gateway.is_over(h, p_now)
    order by h.request_id
    for update;

    update gateway.holds as h
    set expires_at = p_now + p_ttl_seconds * interval '1 second'
    where h.request_id = any(p_live) and h.released_at is null;
    get diagnostics v_renewed = row_count;

    for v_hold in
        select h.*
        from gateway.holds as h
        where h.released_at is null and h.expires_at <= p_now
        order by h.api_key_id, h.request_id
    loop
        update gateway.holds as h
        set tokens = 0, released_at = p_now
        where h.request_id = v_hold.request_id;
        perform gateway.release_hold(v_hold);
        v_released := v_released + 1;
    end loop;

    delete from gateway.holds as h where gateway.is_over(h, p_now);
    return row(v_released, v_renewed, v_gateways)::gateway.sweep_result;
end;
$$;
