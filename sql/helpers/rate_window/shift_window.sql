-- The counts as they are at p_to. A newest bucket a little ahead of it: this caller waited for the
-- row. Far ahead: the clock was set back, so begin anew rather than block the key.
create or replace function gateway.shift_window(
    p_counts integer[], p_from bigint, p_to bigint
) returns integer[]
language sql immutable parallel safe
return case
    when p_to - p_from between -6 and 0 then p_counts
    when p_to - p_from between 1 and 6
        then (array_fill(0, array[(p_to - p_from)::integer]) || p_counts)[1:7]
    else '{0,0,0,0,0,0,0}'::integer[]
end;
