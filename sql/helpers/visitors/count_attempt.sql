-- Count one more attempt of an address to get a token for this key, if it may make one; otherwise
-- the milliseconds until it may. p_id has the day in it, so its counter is of one day.
create or replace function gateway.count_attempt(
    p_now timestamptz,
    p_moment timestamptz,
    p_key_id uuid,
    p_id uuid,
    p_per_minute integer,
    p_per_day integer
) returns integer
language plpgsql
as $$
declare
    v_bucket constant bigint := gateway.bucket_of(p_moment);
    v_counter gateway.visitor_counters;
begin
    insert into gateway.visitor_counters as c (
        api_key_id, id, is_pool, kind, day, requests, bucket, window_counts, seen_at
    ) values (
        p_key_id,
        p_id,
        true,
        'attempts',
        gateway.day_of(p_now),
        1,
        v_bucket,
        gateway.count_in_window(array_fill(0, array[61]), v_bucket, v_bucket),
        p_now
    ) on conflict (api_key_id, id) do update set
        requests = c.requests + 1,
        window_counts = gateway.count_in_window(c.window_counts, c.bucket, v_bucket),
        bucket = gateway.newest_bucket(c.bucket, v_bucket),
        seen_at = greatest(c.seen_at, excluded.seen_at)
    where
        c.requests < p_per_day
        and gateway.window_sum(gateway.shift_window(c.window_counts, c.bucket, v_bucket))
        < p_per_minute;
    if found then
        return null;
    end if;

    select c.* into v_counter
    from gateway.visitor_counters as c
    where c.api_key_id = p_key_id and c.id = p_id;
    if v_counter.requests >= p_per_day then
        return gateway.ms_between(p_now, gateway.start_of(v_counter.day + 1));
    end if;
    return gateway.window_wait_ms(
        gateway.shift_window(v_counter.window_counts, v_counter.bucket, v_bucket),
        gateway.newest_bucket(v_counter.bucket, v_bucket),
        p_per_minute,
        p_moment
    );
end;
$$;
