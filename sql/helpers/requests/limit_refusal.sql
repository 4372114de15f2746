-- Which limit leaves no room for a request in this month, or null. p_calls: those in the rate
-- window now. Postgres inlines it.
create or replace function gateway.limit_refusal(
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_month timestamptz,
    p_calls integer,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns text
language sql immutable parallel safe
return case
    when p_calls >= (p_key).rate_limit_per_min then 'rate_limit_exceeded'
    when
        gateway.grantable(p_key, p_counter, p_month, p_prompt_bound, p_max_output, p_least)
        < gateway.smallest_grant(
            p_max_output,
            p_least,
            gateway.carried((p_counter).tokens_held, (p_counter).month_start, p_month) > 0
        )
        then 'insufficient_quota'
end;
