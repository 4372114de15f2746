-- The calls in the whole window. Not in SQL: to call that takes longer than the sum.
create or replace function gateway.window_sum(p_counts integer[]) returns integer
language plpgsql immutable parallel safe
as $$
declare
    v_sum integer := 0;
    v_calls integer;
begin
    foreach v_calls in array p_counts loop
        v_sum := v_sum + v_calls;
    end loop;
    return v_sum;
end;
$$;
