-- The token of a visitor with this hash, or null.
create or replace function gateway.find_token(p_hash text) returns gateway.visitor_tokens
language plpgsql -- volatile: each read sees what was committed until then
as $$
declare
    v_token gateway.visitor_tokens;
begin
    select t.* into v_token from gateway.visitor_tokens as t where t.token_hash = p_hash;
    return v_token;
end;
$$;
