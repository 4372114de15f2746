-- The answer to a request that wants to be let through. p_now: by the clock of its rate window.
create or replace function gateway.make_verdict(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_reason text,
    p_granted integer
) returns gateway.verdict
language plpgsql stable
as $$
declare
    v gateway.verdict;
    v_bucket constant bigint := gateway.bucket_of(p_now);
begin
    v.allowed := p_reason is null;
    v.reason := p_reason;
    v.granted := p_granted;
    if p_key.id is null then
        return v;
    end if;
    p_counter.window_counts := gateway.shift_window(
        p_counter.window_counts, p_counter.bucket, v_bucket
    );
    p_counter.bucket := gateway.newest_bucket(p_counter.bucket, v_bucket);
    v.key_id := p_key.id;
    v.rate_limit := p_key.rate_limit_per_min;
    v.rate_remaining := greatest(
        0, p_key.rate_limit_per_min - gateway.window_sum(p_counter.window_counts)
    );
    v.rate_reset_ms := gateway.window_reset_ms(p_counter.bucket, p_now);
    v.token_limit := p_key.monthly_token_limit;
    v.tokens_remaining := greatest(
        0, gateway.tokens_left(p_key, p_counter, p_counter.month_start)
    );
    v.month_resets_at := gateway.month_after(p_counter.month_start);
    if p_reason = 'rate_limit_exceeded' then
        v.retry_after_ms := gateway.window_wait_ms(
            p_counter.window_counts, p_counter.bucket, p_key.rate_limit_per_min, p_now
        );
    end if;
    return v;
end;
$$;
