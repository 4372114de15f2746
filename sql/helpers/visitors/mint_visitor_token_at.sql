create or replace function gateway.mint_visitor_token_at(
    p_now timestamptz,
    p_site uuid,
    p_origin text,
    p_address text,
    p_visitor text,
    p_token_hash text,
    p_expires_in integer
) returns jsonb
language plpgsql
as $$
declare
    v_key constant gateway.api_keys := gateway.site_key(p_site);
    v_claim constant jsonb := gateway.address_claim(p_address);
    v_day constant date := gateway.day_of(p_now);
    v_reason text := gateway.page_refusal(p_now, v_key, p_origin);
    v_visitor text := p_visitor;
    v_pool uuid;
begin
    if v_reason is null and p_visitor is null and v_claim is null then
        v_reason := 'visitor_unknown';
    end if;
    if v_reason is not null then
        return gateway.refusal(v_reason, '');
    end if;
    if p_visitor is null then -- the same limits as for visitors by address
        v_visitor := 'address-'
        || gateway.address_id(v_key.visitor_salt, v_day, v_claim ->> 'address');
        if v_claim ->> 'network' is not null then
            v_pool := gateway.address_id(v_key.visitor_salt, v_day, v_claim ->> 'network');
        end if;
    end if;
    return gateway.make_visitor_token(
        p_now,
        v_key,
        p_token_hash,
        v_visitor,
        least(p_expires_in, 600),
        null,
        null,
        null,
        p_origin,
        v_pool
    );
end;
$$;
