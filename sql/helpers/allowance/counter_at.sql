-- The counters as they are at p_now: of this month, with the window moved on.
create or replace function gateway.counter_at(
    p_now timestamptz, p_counter gateway.key_counters
) returns gateway.key_counters
language plpgsql stable
as $$
declare
    v_month constant timestamptz := gateway.month_of(p_now);
    v_bucket constant bigint := gateway.bucket_of(p_now);
begin
    if p_counter.month_start < v_month then
        p_counter.month_start := v_month;
        p_counter.tokens_used := 0;
        p_counter.tokens_held := 0;
        p_counter.requests := 0;
    end if;
    p_counter.window_counts := gateway.shift_window(
        p_counter.window_counts, p_counter.bucket, v_bucket
    );
    p_counter.bucket := gateway.newest_bucket(p_counter.bucket, v_bucket);
    return p_counter;
end;
$$;
