create or replace function gateway.identify_key_at(
    p_now timestamptz, p_key_hash text, p_scope text, p_origin text
) returns gateway.identity
language plpgsql stable
as $$
declare
    v_key gateway.api_keys;
    v_reason text;
begin
    v_key := gateway.find_key(p_now, p_key_hash);
    v_reason := gateway.key_refusal(p_now, v_key, p_scope, p_origin, null);
    return row(
        v_reason is null, v_reason, v_key.id, v_key.allowed_models
    )::gateway.identity;
end;
$$;
