-- Which limit leaves no room for a request, or null. The counter is one of p_now.
create or replace function gateway.limit_refusal(
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_prompt_bound bigint,
    p_max_output integer
) returns text
language sql immutable parallel safe
return case
    when gateway.window_sum((p_counter).window_counts) >= (p_key).rate_limit_per_min
        then 'rate_limit_exceeded'
    when
        gateway.grantable(
            (p_key).monthly_token_limit,
            (p_counter).tokens_used + (p_counter).tokens_held,
            p_prompt_bound,
            p_max_output
        ) < least(p_max_output, 1)
        then 'insufficient_quota'
end;
