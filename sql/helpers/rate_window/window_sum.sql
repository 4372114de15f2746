-- The calls in the whole window. Not in SQL: Postgres would not inline that where the counts are a
-- long expression, and to call SQL takes longer than the sum.
create or replace function gateway.window_sum(p_counts integer[]) returns integer
language plpgsql immutable parallel safe
as $$
begin
    return p_counts[1] + p_counts[2] + p_counts[3] + p_counts[4]
    + p_counts[5] + p_counts[6] + p_counts[7];
end;
$$;
