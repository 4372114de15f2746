-- Make the counter of a visitor that of p_day, from what the daily roll-up and the holds have of
-- it; on first sight, there is none yet. What was counted on a day before a clock went ahead and
-- came back is found again. The caller has the lock of the key's counter, and adds what p_request
-- holds.
create or replace function gateway.open_visitor(
    p_now timestamptz,
    p_day date,
    p_key_id uuid,
    p_visitor gateway.visitor,
    p_limit gateway.visitor_limit,
    p_request uuid
) returns void
language plpgsql
as $$
begin
    insert into gateway.visitor_counters as c (
        api_key_id, id, is_pool, kind, name, day, tokens_used, requests, tokens_held, seen_at
    )
    select
        p_key_id,
        p_limit.id,
        p_limit.is_pool,
        p_visitor.kind,
        p_visitor.name,
        p_day,
        coalesce(sum(u.charged_tokens), 0),
        coalesce(sum(u.requests), 0),
        (
            select coalesce(sum(h.tokens), 0)
            from gateway.holds as h
            where
                h.api_key_id = p_key_id
                and p_limit.id in (h.visitor, h.pool)
                and h.request_id <> p_request
                and gateway.day_of(h.authorized_at) = p_day
        ),
        p_now
    from gateway.visitor_daily as u
    where u.api_key_id = p_key_id and u.visitor = p_limit.id and u.day = p_day
    on conflict (api_key_id, id) do update set
        day = excluded.day,
        tokens_used = excluded.tokens_used,
        requests = excluded.requests,
        tokens_held = excluded.tokens_held;
end;
$$;
