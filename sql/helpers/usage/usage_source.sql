-- What a report adds up, of one key or of all (null). By p_source:
--   daily     the roll-up alone, so that a report of a year ago says the same before and after the
--             log of that year was dropped;
--   visitors  the roll-up of visitors, which has no model; their pools are left out, since the
--             visitors are there;
--   log       the log itself, since no roll-up has the hour (UTC).
create or replace function gateway.usage_source(
    p_source text, p_key_id uuid, p_first date, p_last date
) returns table (
    hour timestamptz,
    day date,
    api_key_id uuid,
    model text,
    visitor uuid,
    requests bigint,
    prompt_tokens bigint,
    completion_tokens bigint,
    total_tokens bigint
)
language sql stable
begin atomic
    select
        null::timestamptz as hour, d.day, d.api_key_id, d.model, null::uuid as visitor,
        d.requests, d.prompt_tokens, d.completion_tokens, d.total_tokens
    from gateway.usage_daily as d
    where
        p_source = 'daily'
        and (p_key_id is null or d.api_key_id = p_key_id)
        and d.day between p_first and p_last
    union all
    select
        null as hour, d.day, d.api_key_id, null as model, d.visitor,
        d.requests, d.prompt_tokens, d.completion_tokens, d.total_tokens
    from gateway.visitor_daily as d
    where
        p_source = 'visitors'
        and not d.is_pool
        and (p_key_id is null or d.api_key_id = p_key_id)
        and d.day between p_first and p_last
    union all
    select
        date_trunc('hour', l.created_at, 'UTC') as hour, gateway.day_of(l.created_at) as day,
        l.api_key_id, l.model, l.visitor,
        1 as requests, l.prompt_tokens, l.completion_tokens, l.total_tokens
    from gateway.usage_logs as l
    where
        p_source = 'log'
        and (p_key_id is null or l.api_key_id = p_key_id)
        and l.created_at >= gateway.start_of(p_first)
        and l.created_at < gateway.start_of(p_last + 1);
end;
