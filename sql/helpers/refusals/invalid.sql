-- What a broken constraint says: its name is a sentence.
create or replace function gateway.invalid(p_error text) returns jsonb
language sql immutable parallel safe
return gateway.refusal(
    'invalid', coalesce(translate(substring(p_error from 'constraint "(.*)"'), '_', ' '), p_error)
);
