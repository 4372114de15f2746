-- Make the token of a visitor for a key. It narrows what the key may do, and never widens it.
create or replace function gateway.make_visitor_token(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_token_hash text,
    p_visitor text,
    p_expires_in integer,
    p_uses integer,
    p_max_output_tokens integer,
    p_models text[],
    p_page text,
    p_pool uuid default null
) returns jsonb
language plpgsql
as $$
declare
    v_token gateway.visitor_tokens;
    v_model text;
begin
    if not coalesce(p_key.visitors -> 'by' ? 'token', false) then
        return gateway.refusal('visitors_by_token_off', '');
    end if;
    select m.name into v_model
    from unnest(p_models) as m (name)
    where not gateway.model_allowed(m.name, p_key.allowed_models)
    limit 1;
    if v_model is not null then
        return gateway.refusal('model_not_allowed', v_model);
    end if;
    if p_page <> all(p_key.allowed_origins) then
        return gateway.refusal('invalid', 'This key may not be used by that website.');
    end if;
    insert into gateway.visitor_tokens as t (
        token_hash,
        api_key_id,
        visitor,
        name,
        created_at,
        expires_at,
        uses_left,
        max_output_tokens,
        models,
        origin,
        pool
    ) values (
        p_token_hash,
        p_key.id,
        gateway.visitor_id(p_key.visitor_salt, 'token', p_visitor),
        case when (p_key.visitors ->> 'keep_names')::boolean then p_visitor end,
        p_now,
        least(p_now + p_expires_in * interval '1 second', p_key.expires_at),
        p_uses,
        p_max_output_tokens,
        p_models,
        p_page,
        p_pool
    ) on conflict (token_hash) do update set token_hash = excluded.token_hash -- asked again
    returning t.* into v_token;
    return jsonb_build_object(
        'expires_at', gateway.iso(v_token.expires_at), 'visitor', p_visitor
    );
end;
$$;
