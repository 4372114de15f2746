-- Count what requests came to, each exactly once: only who deletes the hold counts it, so a batch
-- can be sent again and again. Locks are taken in one order (holds by id, then counters by key), so
-- that the batches of several gateways never block each other for good.
--
-- Charged is what was reported, within the hold and what else is left of the limit at that moment:
-- a month is never charged more than its limit, whatever a model reports.
--
-- A hold can be lost when the database crashes, because authorising does not wait for the disk. If
-- the settlement names its key, the request is counted all the same, unless the log has it.
--
-- A request that a gateway let through while it could not reach us (`lent`) has no hold, unless its
-- asking arrives late: then the hold is given back, and not counted again.

create or replace function gateway.settle_hold(
    p_hold gateway.holds,
    p_prompt_tokens bigint,
    p_completion_tokens bigint,
    p_usage_source text,
    p_status text,
    p_ttft_ms integer,
    p_duration_ms integer
) returns void
language plpgsql
as $$
declare
    v_month constant timestamptz := gateway.month_of(p_hold.authorized_at);
    v_total constant bigint := p_prompt_tokens + p_completion_tokens;
    v_charged bigint;
begin
    update gateway.key_counters as c
    set
        month_start = v_month,
        tokens_used = gateway.carried(c.tokens_used, c.month_start, v_month)
        + gateway.charge(
            v_total,
            p_hold.tokens,
            k.monthly_token_limit
            - gateway.carried(c.tokens_used + c.tokens_held, c.month_start, v_month)
        ),
        tokens_held = gateway.carried(c.tokens_held, c.month_start, v_month) - p_hold.tokens,
        requests = gateway.carried(c.requests, c.month_start, v_month) + 1,
        last_charged = gateway.charge(
            v_total,
            p_hold.tokens,
            k.monthly_token_limit
            - gateway.carried(c.tokens_used + c.tokens_held, c.month_start, v_month)
        )
    from gateway.api_keys as k
    where
        c.api_key_id = p_hold.api_key_id
        and k.id = p_hold.api_key_id
        and c.month_start <= v_month
    returning c.last_charged into v_charged;

    if not found then -- its month is over, and the counter of the new one is not touched
        perform 1 from gateway.key_counters as c
        where c.api_key_id = p_hold.api_key_id
        for update;
        v_charged := gateway.charge(
            v_total,
            p_hold.tokens,
            gateway.left_of_month(p_hold.api_key_id, v_month) - p_hold.tokens
        );
    end if;

    insert into gateway.usage_logs (
        request_id,
        api_key_id,
        model,
        endpoint,
        prompt_tokens,
        completion_tokens,
        total_tokens,
        charged_tokens,
        usage_source,
        status,
        ttft_ms,
        duration_ms,
        created_at
    ) values (
        p_hold.request_id,
        p_hold.api_key_id,
        p_hold.model,
        p_hold.endpoint,
        p_prompt_tokens,
        p_completion_tokens,
        v_total,
        v_charged,
        p_usage_source,
        p_status,
        p_ttft_ms,
        p_duration_ms,
        p_hold.authorized_at
    );

    insert into gateway.usage_daily as d (
        day,
        api_key_id,
        model,
        requests,
        prompt_tokens,
        completion_tokens,
        total_tokens,
        charged_tokens
    ) values (
        gateway.day_of(p_hold.authorized_at),
        p_hold.api_key_id,
        p_hold.model,
        1,
        p_prompt_tokens,
        p_completion_tokens,
        v_total,
        v_charged
    ) on conflict (api_key_id, day, model) do update set
        requests = d.requests + 1,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        total_tokens = d.total_tokens + excluded.total_tokens,
        charged_tokens = d.charged_tokens + excluded.charged_tokens;
end;
$$;

-- Whether the log has the request. Who waits here for the counter sees what the one before wrote.
create or replace function gateway.is_counted(
    p_now timestamptz, p_request_id uuid, p_key_id uuid
) returns boolean
language plpgsql
as $$
begin
    perform 1 from gateway.key_counters as c where c.api_key_id = p_key_id for update;
    return exists (
        select 1
        from gateway.usage_logs as l
        where l.request_id = p_request_id and l.created_at > p_now - interval '36 days'
    );
end;
$$;

-- The hold as it would be, had it been lost: nothing held. Null if the request has been counted,
-- or nothing is known of it.
create or replace function gateway.lost_hold(
    p_now timestamptz,
    p_request_id uuid,
    p_key_id uuid,
    p_authorized_at timestamptz,
    p_model text,
    p_endpoint text
) returns gateway.holds
language plpgsql
as $$
declare
    v_hold gateway.holds;
begin
    if not exists (select 1 from gateway.api_keys as k where k.id = p_key_id)
        or gateway.is_counted(p_now, p_request_id, p_key_id)
    then
        return null;
    end if;
    v_hold.request_id := p_request_id;
    v_hold.api_key_id := p_key_id;
    v_hold.authorized_at := greatest(
        least(coalesce(p_authorized_at, p_now), p_now), p_now - interval '35 days'
    );
    v_hold.tokens := 0;
    v_hold.model := coalesce(p_model, '');
    v_hold.endpoint := coalesce(p_endpoint, '');
    return v_hold;
end;
$$;

create or replace function gateway.settle_requests_at(p_now timestamptz, p_settlements jsonb)
returns gateway.settle_result
language plpgsql
as $$
declare
    v_ids uuid[];
    v_item record;
    v_hold gateway.holds;
    v_settled integer := 0;
    v_unknown integer := 0;
begin
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
            lent boolean
        )
        order by
            coalesce(
                (
                    select h.api_key_id from gateway.holds as h
                    where h.request_id = s.request_id
                ),
                s.key_id
            ),
            s.request_id
    loop
        delete from gateway.holds as h
        where h.request_id = v_item.request_id
        returning h.* into v_hold;
        if found and v_item.lent
            and gateway.is_counted(p_now, v_item.request_id, v_hold.api_key_id)
        then
            update gateway.key_counters as c
            set tokens_held = c.tokens_held - v_hold.tokens
            where
                c.api_key_id = v_hold.api_key_id
                and c.month_start = gateway.month_of(v_hold.authorized_at);
            v_hold := null;
        elsif v_hold.request_id is null and v_item.key_id is not null then
            v_hold := gateway.lost_hold(
                p_now,
                v_item.request_id,
                v_item.key_id,
                v_item.authorized_at,
                v_item.model,
                v_item.endpoint
            );
        end if;
        if v_hold.request_id is null then
            v_unknown := v_unknown + 1;
        else
            perform gateway.settle_hold(
                v_hold,
                least(greatest(coalesce(v_item.prompt_tokens, 0), 0), 1000000000000),
                least(greatest(coalesce(v_item.completion_tokens, 0), 0), 1000000000000),
                coalesce(v_item.usage_source, 'none'),
                coalesce(v_item.status, 'ok'),
                v_item.ttft_ms,
                v_item.duration_ms
            );
            v_settled := v_settled + 1;
        end if;
    end loop;
    return row(v_settled, v_unknown)::gateway.settle_result;
end;
$$;

create or replace function public.settle_requests(p_settlements jsonb)
returns gateway.settle_result
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.settle_requests_at(clock_timestamp(), p_settlements);
end;
$$;
