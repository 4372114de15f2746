-- The output tokens that can be granted; -1: not even the prompt fits.
create or replace function gateway.grantable(
    p_limit bigint, p_spent bigint, p_prompt_bound bigint, p_max_output integer
) returns integer
language sql immutable parallel safe
return greatest(-1, least(p_max_output, p_limit - p_spent - p_prompt_bound))::integer;
