-- Only who deletes the hold counts it. Locks are taken in one order (holds by id, then counters by
-- key), so that the batches of several gateways never block each other for good. The requests of
-- one key follow each other: its counter is read once and written once, and the log in one go.
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
    v_key gateway.api_keys; -- whose requests these are
    v_counter gateway.key_counters; -- of it, locked and not written yet
    v_logs gateway.usage_logs[] := '{}'; -- not written yet
    v_month timestamptz;
    v_prompt bigint;
    v_completion bigint;
    v_most bigint; -- that can be charged
    v_charged bigint;
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
        if v_item.lent or v_hold.request_id is null then -- it may be counted already: look
            perform gateway.write_counter(v_counter);
            perform gateway.write_logs(v_logs);
            v_counter := null;
            v_logs := '{}';
            if v_hold.request_id is null then
                if v_item.key_id is not null then
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
            elsif gateway.is_counted(v_item.request_id, v_hold.api_key_id) then
                perform gateway.release_hold(v_hold);
                v_hold := null;
            end if;
        end if;
        if v_hold.request_id is null then
            v_unknown := v_unknown + 1;
            continue;
        end if;

        if v_hold.api_key_id is distinct from v_counter.api_key_id then
            perform gateway.write_counter(v_counter);
            select k.* into v_key from gateway.api_keys as k where k.id = v_hold.api_key_id;
            select c.* into v_counter
            from gateway.key_counters as c
            where c.api_key_id = v_hold.api_key_id
            for update;
        end if;
        v_month := gateway.month_of(v_hold.authorized_at);
        v_prompt := gateway.reported_tokens(v_item.prompt_tokens);
        v_completion := gateway.reported_tokens(v_item.completion_tokens);
        v_most := v_prompt + v_completion;
        if v_hold.visitor is not null then
            v_most := least(v_most, gateway.visitor_most(v_hold));
        end if;
        if v_counter.month_start = '-infinity' then -- an imported key is of no month yet
            v_counter := gateway.counter_at(v_month, v_counter);
        end if;
        if v_counter.month_start = v_month then
            v_charged := gateway.charge(
                v_most, v_hold.tokens, gateway.tokens_left(v_key, v_counter, v_month)
            );
            v_counter.tokens_used := v_counter.tokens_used + v_charged;
            v_counter.tokens_held := v_counter.tokens_held - v_hold.tokens;
            v_counter.requests := v_counter.requests + 1;
        else -- the counter is that of another month: authorising moves it, nothing else
            perform gateway.write_logs(v_logs);
            v_logs := '{}';
            v_charged := gateway.charge(
                v_most,
                v_hold.tokens,
                gateway.left_of_month(v_hold.api_key_id, v_month) - v_hold.tokens
            );
        end if;
        v_logs := array_append(
            v_logs,
            row( -- as its columns are
                v_hold.request_id,
                v_hold.api_key_id,
                v_hold.model,
                v_hold.endpoint,
                v_prompt,
                v_completion,
                v_prompt + v_completion,
                v_charged,
                coalesce(v_item.usage_source, 'none'),
                coalesce(v_item.status, 'ok'),
                v_item.ttft_ms,
                v_item.duration_ms,
                v_hold.authorized_at,
                v_hold.visitor,
                v_item.backend
            )::gateway.usage_logs
        );
        if v_hold.visitor is not null then
            perform gateway.settle_visitor(v_hold, v_prompt, v_completion, v_charged);
        end if;
        v_settled := v_settled + 1;
    end loop;
    perform gateway.write_counter(v_counter);
    perform gateway.write_logs(v_logs);
    return row(v_settled, v_unknown)::gateway.settle_result;
end;
$$;
