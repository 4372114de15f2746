-- The output tokens that can be granted of p_left; -1: not even the prompt fits. A request that
-- names no length (p_least < p_max_output) takes a quarter of what is left, so that others like it
-- fit beside it, but p_least as long as there are so many.
create or replace function gateway.grant_of(
    p_left bigint, p_prompt_bound bigint, p_max_output integer, p_least integer
) returns integer
language sql immutable parallel safe
return greatest(
    -1,
    least(
        p_max_output, p_left - p_prompt_bound, greatest(p_least, (p_left - p_prompt_bound) / 4)
    )
)::integer;
