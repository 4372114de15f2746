-- What a key has left in a month: its limit, less what is used and held. Below 0 if the limit was
-- lowered.
create or replace function gateway.tokens_left(
    p_key gateway.api_keys, p_counter gateway.key_counters, p_month timestamptz
) returns bigint
language sql immutable parallel safe
return (p_key).monthly_token_limit
- gateway.carried(
    (p_counter).tokens_used + (p_counter).tokens_held, (p_counter).month_start, p_month
);
