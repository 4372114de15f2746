-- The limits of a visitor, and those of the pool, if there is one.
create or replace function gateway.visitor_limits(p_visitor gateway.visitor)
returns setof gateway.visitor_limit
language sql immutable parallel safe
begin atomic
    select
        v.id,
        v.is_pool,
        (p_visitor).tokens_per_day * v.share as tokens_per_day,
        (p_visitor).requests_per_min * v.share as requests_per_min
    from (
        values
        ((p_visitor).id, false, 1),
        ((p_visitor).pool, true, (p_visitor).pool_share)
    ) as v (id, is_pool, share)
    where v.id is not null;
end;
