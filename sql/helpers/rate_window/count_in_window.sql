-- The counts with one more request at p_to.
create or replace function gateway.count_in_window(
    p_counts integer[], p_from bigint, p_to bigint
) returns integer[]
language sql immutable parallel safe
return array[(gateway.shift_window(p_counts, p_from, p_to))[1] + 1]
|| (gateway.shift_window(p_counts, p_from, p_to))[2:7];
