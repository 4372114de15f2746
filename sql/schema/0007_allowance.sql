-- They take a key and its counter now: the old ones would stay beside the new ones, called by none.
-- The first calls the second.
drop function if exists gateway.limit_refusal(
    gateway.api_keys, gateway.key_counters, bigint, integer
);
drop function if exists gateway.grantable(bigint, bigint, bigint, integer);
