create or replace function gateway.identify_key_at(
    p_now timestamptz,
    p_key_hash text,
    p_scope text,
    p_origin text,
    p_claim jsonb default null
) returns gateway.caller_identity
language plpgsql
as $$
declare
    v gateway.caller := gateway.find_caller(
        p_now,
        gateway.find_key(p_now, p_key_hash),
        p_key_hash,
        p_scope,
        p_origin,
        null,
        p_claim
    );
    v_models text[] := (v.key).allowed_models;
begin
    if (v.token).models is not null then
        v_models := array(
            select m.name
            from unnest((v.token).models) as m (name)
            where gateway.model_allowed(m.name, v_models) is not false
        );
    end if;
    return row(
        v.refusal is null, v.refusal, (v.key).id, v_models, (v.visitor).id
    )::gateway.caller_identity;
end;
$$;
