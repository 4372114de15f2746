-- Milliseconds after which a request may be asked again for which a limit leaves no room; null:
-- nobody knows, or not before the month is over. What is held is not spent, and running requests
-- give it back.
create or replace function gateway.limit_wait_ms(
    p_now timestamptz, -- by the clock of the rate window
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_reason text,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns integer
language plpgsql stable
as $$
declare
    v_bucket constant bigint := gateway.bucket_of(p_now);
begin
    if p_reason = 'rate_limit_exceeded' then
        return gateway.window_wait_ms(
            gateway.shift_window(p_counter.window_counts, p_counter.bucket, v_bucket),
            gateway.newest_bucket(p_counter.bucket, v_bucket),
            p_key.rate_limit_per_min,
            p_now
        );
    end if;
    p_counter.tokens_held := 0;
    return case
        when
            gateway.grantable(
                p_key, p_counter, p_counter.month_start, p_prompt_bound, p_max_output, p_least
            ) >= least(p_max_output, 1)
            then 5000
    end;
end;
$$;
