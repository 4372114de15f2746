-- Only who deletes the hold counts it. Locks are taken in one order (holds by id, then counters by
-- key), so that the batches of several gateways never block each other for good.
--
-- A hold can be lost when the database crashes, because authorising does not wait for the disk. If
-- the settlement names its key, the request is counted all the same, unless the log has it.
--
-- A request that a gateway let through while it could not reach us (`lent`) has no hold, unless its
-- asking arrived late: then the hold is given back, and not counted again.
--
-- p_behind: how far the clock of the gateway is behind, by which it says when it let them through.
create or replace function gateway.settle_requests_at(
    p_now timestamptz, p_settlements jsonb, p_behind interval default '0'
) returns gateway.settle_result
language plpgsql
as $$
declare
    v_ids uuid[];
    v_item record;
    v_hold gateway.holds;
    v_settled integer := 0;
    v_unknown integer := 0;
begin
    perform gateway.bar_holds(p_now, p_settlements);
    if jsonb_array_length(p_settlements) > 1 then
        select array_agg((s.item ->> 'request_id')::uuid) into v_ids
        from jsonb_array_elements(p_settlements) as s (item);
        perform 1
        from gateway.holds as h
        where h.request_id = any(v_ids)
        order by h.request_id
        for update;
    end if;

    for v_item in
        select s.*
        from jsonb_to_recordset(p_settlements) as s (
            request_id uuid,
            prompt_tokens bigint,
            completion_tokens bigint,
            usage_source text,
            status text,
            ttft_ms integer,
            duration_ms integer,
            key_id uuid,
            authorized_at timestamptz,
            model text,
            endpoint text,
            lent boolean,
            visitor uuid,
            pool uuid,
            backend text
        )
        order by
            coalesce(
                (
                    select h.api_key_id from gateway.holds as h
                    where h.request_id = s.request_id and h.api_key_id <> gateway.nobody()
                ),
                s.key_id
            ),
            s.request_id
    loop
        delete from gateway.holds as h
        where h.request_id = v_item.request_id and h.api_key_id <> gateway.nobody()
        returning h.* into v_hold;
        if found and v_item.lent
            and gateway.is_counted(v_item.request_id, v_hold.api_key_id)
        then
            perform gateway.release_hold(v_hold);
            v_hold := null;
        elsif v_hold.request_id is null and v_item.key_id is not null then
            v_hold := gateway.lost_hold(
                p_now,
                v_item.request_id,
                v_item.key_id,
                v_item.authorized_at + p_behind,
                v_item.model,
                v_item.endpoint,
                v_item.visitor,
                v_item.pool
            );
        end if;
        if v_hold.request_id is null then
            v_unknown := v_unknown + 1;
        else
            perform gateway.settle_hold(
                v_hold,
                gateway.reported_tokens(v_item.prompt_tokens),
                gateway.reported_tokens(v_item.completion_tokens),
                coalesce(v_item.usage_source, 'none'),
                coalesce(v_item.status, 'ok'),
                v_item.ttft_ms,
                v_item.duration_ms,
                v_item.backend
            );
            v_settled := v_settled + 1;
        end if;
    end loop;
    return row(v_settled, v_unknown)::gateway.settle_result;
end;
$$;
