-- The most tokens that a request of a visitor can be charged, on the day of its hold: what it held,
-- and what else is left. Of a day that is over, only what it held. Null: there is no limit.
create or replace function gateway.visitor_most(p_hold gateway.holds) returns bigint
language sql stable
begin atomic
    select (p_hold).tokens + min(o.others)
    from (
        select
            case
                when c.day = gateway.day_of((p_hold).authorized_at)
                    then greatest(0, c.token_limit - c.tokens_used - c.tokens_held)
                else 0
            end as others
        from gateway.visitor_counters as c
        where
            c.api_key_id = (p_hold).api_key_id
            and c.id in ((p_hold).visitor, (p_hold).pool)
            and c.token_limit is not null
    ) as o;
end;
