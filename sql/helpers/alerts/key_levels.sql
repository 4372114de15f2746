-- How far each key that works has come: with its month (50, 80, 100 percent; 100 also where what is
-- left is too little for an answer), and towards its end (1: seven days before, 2: one day). A key
-- that was made for a shorter time needs no word of that.
create or replace function gateway.key_levels(
    p_now timestamptz,
    out topic text,
    out kind text,
    out level integer,
    out about jsonb
) returns setof record
language sql stable
begin atomic
    with working as (
        select
            k.*,
            jsonb_build_object('id', k.id, 'name', k.label) as told
        from gateway.api_keys as k
        where k.is_active and (k.expires_at is null or k.expires_at > p_now)
    )

    select
        'key_quota/' || k.id || '/' || to_char(p_now at time zone 'UTC', 'YYYY-MM') as topic,
        'key_quota' as kind,
        case
            when
                k.monthly_token_limit - c.tokens_used
                <= least(k.monthly_token_limit / 100, gateway.least_grant())
                then 100
            when c.tokens_used >= k.monthly_token_limit * 8 / 10 then 80
            when c.tokens_used >= k.monthly_token_limit / 2 then 50
            else 0
        end as level,
        jsonb_build_object(
            'key', k.told,
            'used', c.tokens_used,
            'limit', k.monthly_token_limit,
            'resets_at', gateway.iso(gateway.month_after(p_now))
        ) as about
    from working as k
    inner join gateway.key_counters as c on k.id = c.api_key_id
    where
        k.monthly_token_limit > 0
        and c.tokens_used > 0
        and c.month_start = gateway.month_of(p_now)
    union all
    select
        'key_expiry/' || k.id || '/' || gateway.iso(k.expires_at) as topic,
        'key_expiry' as kind,
        case when k.expires_at <= p_now + interval '1 day' then 2 else 1 end as level,
        jsonb_build_object('key', k.told, 'expires_at', gateway.iso(k.expires_at)) as about
    from working as k
    where
        k.expires_at <= p_now + interval '7 days'
        and k.expires_at > k.created_at + case
            when k.expires_at <= p_now + interval '1 day' then interval '1 day'
            else interval '7 days'
        end;
end;
