-- Make the counter that of p_month, from what the daily roll-up has of it: nothing, in a new one.
-- What was counted there before a clock went ahead and came back is found again.
create or replace function gateway.move_to_month(p_key_id uuid, p_month timestamptz)
returns gateway.key_counters
language plpgsql
as $$
declare
    v_counter gateway.key_counters;
begin
    -- Whoever inserts or deletes a hold updates the counter behind it, so it is in the sum below
    -- or comes after it.
    perform 1 from gateway.key_counters as c where c.api_key_id = p_key_id for update;
    update gateway.key_counters as c
    set
        month_start = p_month,
        tokens_used = d.tokens,
        requests = d.requests,
        tokens_held = h.tokens
    from
        (
            select
                coalesce(sum(u.charged_tokens), 0)::bigint as tokens,
                coalesce(sum(u.requests), 0)::bigint as requests
            from gateway.usage_daily as u
            where
                u.api_key_id = p_key_id
                and u.day >= gateway.day_of(p_month)
                and u.day < gateway.day_of(gateway.month_after(p_month))
        ) as d,
        (
            select coalesce(sum(o.tokens), 0)::bigint as tokens
            from gateway.holds as o
            where o.api_key_id = p_key_id and gateway.month_of(o.authorized_at) = p_month
        ) as h
    where c.api_key_id = p_key_id and c.month_start <> p_month;
    select c.* into v_counter from gateway.key_counters as c where c.api_key_id = p_key_id;
    return v_counter;
end;
$$;
