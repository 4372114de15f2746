-- What a request is charged: what was reported, within its hold and what else is left.
create or replace function gateway.charge(p_total bigint, p_held bigint, p_left bigint)
returns bigint
language sql immutable parallel safe
return least(p_total, p_held + greatest(p_left, 0));
