-- Note in the counters of a visitor and the pool what was held for them in that of the key, and one
-- use of the token. The caller has the lock of the key's counter. The day for which it is held.
create or replace function gateway.hold_for_visitor(
    p_now timestamptz,
    p_moment timestamptz,
    p_key_id uuid,
    p_visitor gateway.visitor,
    p_token_hash text,
    p_tokens bigint
) returns date
language plpgsql
as $$
declare
    v_bucket constant bigint := gateway.bucket_of(p_moment);
    v_day date;
begin
    with held as (
        update gateway.visitor_counters as c
        set
            tokens_held = c.tokens_held + p_tokens,
            token_limit = l.tokens_per_day,
            rate_limit = l.requests_per_min,
            window_counts = gateway.count_in_window(c.window_counts, c.bucket, v_bucket),
            bucket = gateway.newest_bucket(c.bucket, v_bucket),
            seen_at = greatest(c.seen_at, p_now)
        from gateway.visitor_limits(p_visitor) as l
        where c.api_key_id = p_key_id and c.id = l.id
        returning c.day as day
    )

    select max(h.day) into v_day from held as h;

    update gateway.visitor_tokens as t
    set uses_left = t.uses_left - 1
    where t.token_hash = p_token_hash and t.uses_left is not null;
    return v_day;
end;
$$;
