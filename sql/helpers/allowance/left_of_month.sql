-- What is left of a month that is over, whose counter is gone: a hold no longer in its table is
-- part of it.
create or replace function gateway.left_of_month(p_key_id uuid, p_month timestamptz)
returns bigint
language sql stable
begin atomic
    select (
        k.monthly_token_limit
        - (
            select coalesce(sum(d.charged_tokens), 0)
            from gateway.usage_daily as d
            where
                d.api_key_id = p_key_id
                and d.day >= gateway.day_of(p_month)
                and d.day < gateway.day_of(gateway.month_after(p_month))
        )
        - (
            select coalesce(sum(h.tokens), 0)
            from gateway.holds as h
            where h.api_key_id = p_key_id and gateway.month_of(h.authorized_at) = p_month
        )
    )::bigint
    from gateway.api_keys as k
    where k.id = p_key_id;
end;
