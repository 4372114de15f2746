-- A refusal that is about one field. p_problem: what is wrong with it.
create or replace function gateway.preset_refusal(p_field text, p_problem text) returns jsonb
language sql immutable parallel safe
return gateway.refusal('invalid', format('%s %s.', p_field, p_problem))
|| jsonb_build_object('param', p_field);
