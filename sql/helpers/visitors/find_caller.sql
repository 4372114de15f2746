-- Who calls: the key, and the visitor behind it, if it has visitors; or why not. p_key: the one
-- that the caller shows, of that hash. Somebody who does not show the key itself is a visitor of it
-- or nobody.
create or replace function gateway.find_caller(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_key_hash text,
    p_scope text,
    p_origin text,
    p_model text,
    p_claim jsonb
) returns gateway.caller
language plpgsql
as $$
declare
    v gateway.caller;
    v_key gateway.api_keys := p_key;
    v_is_key constant boolean := p_key.id is not null;
begin
    if not v_is_key then
        v.token := gateway.find_token(p_key_hash);
        v_key := gateway.key_behind(v.token, p_claim);
    end if;
    v.refusal := gateway.key_refusal(p_now, v_key, p_scope, p_origin, p_model);
    if v.refusal is null and (v_key.visitors is not null or not v_is_key) then
        v.visitor := gateway.find_visitor(
            p_now, v_key, v.token, p_claim, p_scope, p_origin, p_model
        );
        v.refusal := (v.visitor).refusal;
    end if;
    v.key := v_key;
    return v;
end;
$$;
