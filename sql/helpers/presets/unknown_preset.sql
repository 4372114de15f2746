create or replace function gateway.unknown_preset() returns jsonb
language sql immutable parallel safe
return gateway.refusal('not_found', 'There is no preset of this name.');
