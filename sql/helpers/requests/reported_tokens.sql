-- A count of tokens as a gateway reports it, made one that can be added up: at most the highest
-- limit that a key can have.
create or replace function gateway.reported_tokens(p_count bigint) returns bigint
language sql immutable parallel safe
return least(greatest(coalesce(p_count, 0), 0), 1000000000000);
