-- The most tokens that a request of a visitor can be charged, on the day of its hold: what it held,
-- and what else is left. Of a day that is over, the roll-up and the holds tell it. Null: there is
-- no limit. The hold itself is deleted.
create or replace function gateway.visitor_most(p_hold gateway.holds) returns bigint
language sql stable
begin atomic
    select (p_hold).tokens + min(greatest(0, o.others))
    from (
        select
            case
                when c.day = gateway.day_of((p_hold).authorized_at)
                    then c.token_limit - c.tokens_used - c.tokens_held
                else
                    c.token_limit
                    - (p_hold).tokens
                    - (
                        select coalesce(sum(d.charged_tokens), 0)::bigint
                        from gateway.visitor_daily as d
                        where
                            d.api_key_id = c.api_key_id
                            and d.visitor = c.id
                            and d.day = gateway.day_of((p_hold).authorized_at)
                    )
                    - (
                        select coalesce(sum(h.tokens), 0)::bigint
                        from gateway.holds as h
                        where
                            h.api_key_id = c.api_key_id
                            and c.id in (h.visitor, h.pool)
                            and gateway.day_of(h.authorized_at)
                            = gateway.day_of((p_hold).authorized_at)
                    )
            end as others
        from gateway.visitor_counters as c
        where
            c.api_key_id = (p_hold).api_key_id
            and c.id in ((p_hold).visitor, (p_hold).pool)
            and c.token_limit is not null
    ) as o;
end;
