-- The counters as they are at p_now: of this month. The window is moved on where it is read.
create or replace function gateway.counter_at(
    p_now timestamptz, p_counter gateway.key_counters
) returns gateway.key_counters
language plpgsql stable
as $$
declare
    v_month constant timestamptz := gateway.month_of(p_now);
begin
    if p_counter.month_start < v_month then
        p_counter.month_start := v_month;
        p_counter.tokens_used := 0;
        p_counter.tokens_held := 0;
        p_counter.requests := 0;
    end if;
    return p_counter;
end;
$$;
