-- The least that an answer is granted. One that names no length is not cut to less than p_least for
-- what others hold.
create or replace function gateway.smallest_grant(
    p_max_output integer, p_least integer, p_others_hold boolean
) returns integer
language sql immutable parallel safe
return case
    when p_least < p_max_output and p_others_hold then p_least
    else least(p_max_output, 1)
end;
