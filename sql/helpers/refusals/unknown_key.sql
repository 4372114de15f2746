create or replace function gateway.unknown_key() returns jsonb
language sql immutable parallel safe
return gateway.refusal('not_found', 'There is no key with this id.');
