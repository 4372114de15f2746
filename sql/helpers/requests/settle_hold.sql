-- Count what came of one hold, which the caller has deleted.
create or replace function gateway.settle_hold(
    p_hold gateway.holds,
    p_prompt_tokens bigint,
    p_completion_tokens bigint,
    p_usage_source text,
    p_status text,
    p_ttft_ms integer,
    p_duration_ms integer,
    p_backend text
) returns void
language plpgsql
as $$
declare
    v_month constant timestamptz := gateway.month_of(p_hold.authorized_at);
    v_total constant bigint := p_prompt_tokens + p_completion_tokens;
    v_most bigint := v_total; -- that can be charged
    v_charged bigint;
begin
    if p_hold.visitor is not null then -- no visitor's counter is changed without this lock
        perform 1 from gateway.key_counters as c
        where c.api_key_id = p_hold.api_key_id
        for update;
        v_most := least(v_total, gateway.visitor_most(p_hold));
    end if;
    update gateway.key_counters as c
    set
        month_start = v_month,
        tokens_used = gateway.carried(c.tokens_used, c.month_start, v_month)
        + gateway.charge(v_most, p_hold.tokens, gateway.tokens_left(k, c, v_month)),
        tokens_held = gateway.carried(c.tokens_held, c.month_start, v_month) - p_hold.tokens,
        requests = gateway.carried(c.requests, c.month_start, v_month) + 1,
        last_charged = gateway.charge(v_most, p_hold.tokens, gateway.tokens_left(k, c, v_month))
    from gateway.api_keys as k
    where
        c.api_key_id = p_hold.api_key_id
        and k.id = p_hold.api_key_id
        and c.month_start in (v_month, '-infinity') -- an imported key is of no month yet
    returning c.last_charged into v_charged;

    if not found then -- the counter is that of another month: authorising moves it, nothing else
        perform 1 from gateway.key_counters as c
        where c.api_key_id = p_hold.api_key_id
        for update;
        v_charged := gateway.charge(
            v_most,
            p_hold.tokens,
            gateway.left_of_month(p_hold.api_key_id, v_month) - p_hold.tokens
        );
    end if;

    insert into gateway.usage_logs (
        request_id, api_key_id, model, endpoint,
        prompt_tokens, completion_tokens, total_tokens, charged_tokens,
        usage_source, status, ttft_ms, duration_ms, created_at, visitor, backend
    ) values (
        p_hold.request_id, p_hold.api_key_id, p_hold.model, p_hold.endpoint,
        p_prompt_tokens, p_completion_tokens, v_total, v_charged,
        p_usage_source, p_status, p_ttft_ms, p_duration_ms, p_hold.authorized_at,
        p_hold.visitor, p_backend
    );

    insert into gateway.usage_daily as d (
        day, api_key_id, model,
        requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
    ) values (
        gateway.day_of(p_hold.authorized_at), p_hold.api_key_id, p_hold.model,
        1, p_prompt_tokens, p_completion_tokens, v_total, v_charged
    ) on conflict (api_key_id, day, model) do update set
        requests = d.requests + 1,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        total_tokens = d.total_tokens + excluded.total_tokens,
        charged_tokens = d.charged_tokens + excluded.charged_tokens;

    if p_hold.visitor is not null then
        perform gateway.settle_visitor(p_hold, p_prompt_tokens, p_completion_tokens, v_charged);
    end if;
end;
$$;
