-- Count what came of a hold for its visitor and the pool. The caller has the lock of the key's
-- counter.
create or replace function gateway.settle_visitor(
    p_hold gateway.holds, p_prompt_tokens bigint, p_completion_tokens bigint, p_charged bigint
) returns void
language plpgsql
as $$
declare
    v_day constant date := gateway.day_of(p_hold.authorized_at);
begin
    insert into gateway.visitor_daily as d (
        day, api_key_id, visitor, is_pool,
        requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
    )
    select
        v_day, p_hold.api_key_id, v.id, v.is_pool,
        1,
        p_prompt_tokens,
        p_completion_tokens,
        p_prompt_tokens + p_completion_tokens,
        p_charged
    from (values (p_hold.visitor, false), (p_hold.pool, true)) as v (id, is_pool)
    where v.id is not null
    on conflict (api_key_id, day, visitor) do update set
        requests = d.requests + 1,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        total_tokens = d.total_tokens + excluded.total_tokens,
        charged_tokens = d.charged_tokens + excluded.charged_tokens;

    update gateway.visitor_counters as c
    set
        tokens_used = c.tokens_used + p_charged,
        tokens_held = c.tokens_held - p_hold.tokens,
        requests = c.requests + 1
    where
        c.api_key_id = p_hold.api_key_id
        and c.id in (p_hold.visitor, p_hold.pool)
        and c.day = v_day;
end;
$$;
