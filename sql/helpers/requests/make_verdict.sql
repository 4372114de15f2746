-- The answer to a request that wants to be let through, and what its visitor is told, if there is
-- one. p_moment: p_now by the clock of the rate window, in which p_calls are. Postgres inlines it.
create or replace function gateway.make_verdict(
    p_now timestamptz,
    p_moment timestamptz,
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_calls integer,
    p_visitor gateway.visitor,
    p_reason text,
    p_granted integer,
    p_retry_after_ms integer
) returns gateway.caller_verdict
language sql
return row(
    p_reason is null,
    p_reason,
    (p_key).id,
    p_granted,
    (p_key).rate_limit_per_min,
    case
        when (p_key).id is not null then greatest(0, (p_key).rate_limit_per_min - p_calls)
    end,
    case
        when (p_key).id is not null
            then gateway.window_reset_ms(
                gateway.newest_bucket((p_counter).bucket, gateway.bucket_of(p_moment)), p_moment
            )
    end,
    (p_key).monthly_token_limit,
    case
        when (p_key).id is not null
            then greatest(0, gateway.tokens_left(p_key, p_counter, (p_counter).month_start))
    end,
    gateway.month_after((p_counter).month_start),
    p_retry_after_ms,
    case
        when (p_visitor).id is not null
            then gateway.visitor_verdict_at(p_now, p_moment, (p_key).id, p_visitor)
    end
)::gateway.caller_verdict;
