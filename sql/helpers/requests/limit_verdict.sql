-- The answer to a request for which a limit leaves no room. What is held is not spent: where
-- running requests alone are in the way, it may be asked again (retry_after_ms).
create or replace function gateway.limit_verdict(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_reason text,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns gateway.verdict
language plpgsql stable
as $$
declare
    v gateway.verdict := gateway.make_verdict(p_now, p_key, p_counter, p_reason, 0);
begin
    p_counter.tokens_held := 0;
    if p_reason = 'insufficient_quota'
        and gateway.grantable(
            p_key, p_counter, p_counter.month_start, p_prompt_bound, p_max_output, p_least
        ) >= least(p_max_output, 1)
    then
        v.retry_after_ms := 5000;
    end if;
    return v;
end;
$$;
