-- The counts with one more request at p_to.
create or replace function gateway.count_in_window(
    p_counts integer[], p_from bigint, p_to bigint
) returns integer[]
language plpgsql immutable parallel safe
as $$
declare
    v_counts integer[] := gateway.shift_window(p_counts, p_from, p_to);
begin
    v_counts[1] := v_counts[1] + 1;
    return v_counts;
end;
$$;
