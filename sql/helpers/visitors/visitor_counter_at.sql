-- The counter of a visitor as it is at p_now: of this day, with the window moved on to p_moment.
-- One that does not exist yet is empty, and so is one of another day until gateway.open_visitor has
-- moved it. A day that begins within the hour has begun while this call was on its way.
create or replace function gateway.visitor_counter_at(
    p_now timestamptz, p_moment timestamptz, p_key_id uuid, p_limit gateway.visitor_limit
) returns gateway.visitor_counters
language plpgsql
as $$
declare
    v_counter gateway.visitor_counters;
    v_bucket constant bigint := gateway.bucket_of(p_moment);
begin
    select c.* into v_counter
    from gateway.visitor_counters as c
    where c.api_key_id = p_key_id and c.id = p_limit.id;
    if not found
        or v_counter.day < gateway.day_of(p_now)
        or v_counter.day > gateway.day_of(p_now + interval '1 hour')
    then
        v_counter.day := gateway.day_of(p_now);
        v_counter.tokens_used := 0;
        v_counter.tokens_held := 0;
    end if;
    v_counter.window_counts := gateway.shift_window(
        coalesce(v_counter.window_counts, array_fill(0, array[61])),
        coalesce(v_counter.bucket, v_bucket),
        v_bucket
    );
    v_counter.bucket := gateway.newest_bucket(coalesce(v_counter.bucket, v_bucket), v_bucket);
    return v_counter;
end;
$$;
