-- Who calls with a key that has visitors. p_token: that of a visitor, if the caller shows one.
-- p_claim: what the gateway knows of the caller: {"address", "network", "issuer", "subject",
-- "audience", "anonymous", "plan", "key_id"}. A row of nulls: nobody in particular, but the site's
-- own server.
create or replace function gateway.find_visitor(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_token gateway.visitor_tokens,
    p_claim jsonb,
    p_scope text,
    p_origin text,
    p_model text
) returns gateway.visitor
language plpgsql
as $$
declare
    v gateway.visitor;
    v_by constant jsonb := p_key.visitors -> 'by';
    v_limits jsonb := p_key.visitors;
    v_day constant date := gateway.day_of(p_now);
    v_salt constant uuid := p_key.visitor_salt;
begin
    if p_token.token_hash is not null then
        v.kind := 'token';
        v.refusal := gateway.token_refusal(p_now, p_key, p_token, p_origin, p_model);
        v.id := p_token.visitor;
        v.name := p_token.name;
        v.pool := p_token.pool;
        v.pool_share := 16;
        v.good_until := case
            when p_token.uses_left is null then p_token.expires_at else p_now -- uses count here
        end;
    elsif p_claim ? 'subject' then
        v.kind := 'issuer';
        v.id := gateway.visitor_id(v_salt, 'issuer', p_claim ->> 'subject');
        if not coalesce(v_by ? 'issuer', false)
            or p_claim ->> 'issuer' is distinct from v_limits ->> 'issuer'
            or p_claim ->> 'audience' is distinct from v_limits ->> 'audience'
        then
            v.refusal := 'invalid_visitor_token';
        elsif (p_claim ->> 'anonymous')::boolean then
            v_limits := nullif(v_limits -> 'anonymous', 'null');
            v.refusal := case
                when v_limits is null then 'visitor_anonymous'
                when p_claim ->> 'address' is null then 'visitor_unknown'
            end;
            v.pool := gateway.address_id(
                v_salt, v_day, 'pool ' || coalesce(p_claim ->> 'network', p_claim ->> 'address')
            );
            v.pool_share := case when p_claim ->> 'network' is null then 1 else 16 end;
        else
            v_limits := v_limits || coalesce(v_limits -> 'plans' -> (p_claim ->> 'plan'), '{}');
        end if;
    elsif v_by ? 'address' then
        v.kind := 'address';
        v.refusal := case when p_claim ->> 'address' is null then 'visitor_unknown' end;
        v.id := gateway.address_id(v_salt, v_day, p_claim ->> 'address');
        if p_claim ->> 'network' is not null then
            v.pool := gateway.address_id(v_salt, v_day, p_claim ->> 'network');
            v.pool_share := 16; -- customers of a provider have /56 or /64 of such a network
        end if;
    elsif p_origin is not null or v_by is distinct from '["token"]' then
        v.refusal := 'visitor_token_required'; -- a key of pages is known to everybody
    end if;
    if v.id is not null and v.refusal is null
        and not string_to_array(p_scope, ' ') <@ '{chat,embeddings,models:read}'
    then
        v.refusal := 'scope_missing';
    end if;
    if v.id is null then
        return v;
    end if;
    v.tokens_per_day := v_limits ->> 'tokens_per_day';
    v.requests_per_min := v_limits ->> 'requests_per_min';
    v.max_output_tokens := least(
        (v_limits ->> 'max_output_tokens')::integer, p_token.max_output_tokens
    );
    return v;
end;
$$;
