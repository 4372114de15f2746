-- The counts as they are at p_to. A newest bucket a little ahead of it: this caller waited for the
-- row. Far ahead: the clock was set back, so begin anew rather than block the key. Postgres inlines
-- it.
create or replace function gateway.shift_window(
    p_counts integer[], p_from bigint, p_to bigint
) returns integer[]
language sql immutable parallel safe
return case
    when p_to - p_from between -60 and 0 then p_counts
    when p_to - p_from between 1 and 60
        then (array_fill(0, array[(p_to - p_from)::integer]) || p_counts)[1:61]
    else array_fill(0, array[61])
end;
