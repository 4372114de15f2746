-- The output tokens that a key can be granted; -1: not even the prompt fits.
create or replace function gateway.grantable(
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_month timestamptz,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns integer
language sql immutable parallel safe
return gateway.grant_of(
    gateway.tokens_left(p_key, p_counter, p_month), p_prompt_bound, p_max_output, p_least
);
