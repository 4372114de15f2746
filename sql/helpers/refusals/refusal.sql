-- A refusal of an administration function. p_detail is for people.
create or replace function gateway.refusal(p_reason text, p_detail text) returns jsonb
language sql immutable parallel safe
return jsonb_build_object('refusal', p_reason, 'detail', p_detail);
