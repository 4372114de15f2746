create or replace function gateway.create_visitor_token_at(
    p_now timestamptz,
    p_key_hash text,
    p_origin text,
    p_token_hash text,
    p_visitor text,
    p_expires_in integer,
    p_uses integer default null,
    p_max_output_tokens integer default null,
    p_models text[] default null,
    p_page text default null
) returns jsonb
language plpgsql
as $$
declare
    v_key constant gateway.api_keys := gateway.find_key(p_now, p_key_hash);
    v_reason text := gateway.key_refusal(p_now, v_key, 'chat', null, null);
begin
    if v_reason = 'scope_missing' then -- tokens for embeddings alone are as good
        v_reason := gateway.key_refusal(p_now, v_key, 'embeddings', null, null);
    end if;
    if v_reason is null and p_origin is not null then
        v_reason := 'visitor_token_required'; -- a page has its site's key
    elsif v_reason is null and v_key.visitors -> 'by' is distinct from '["token"]' then
        v_reason := 'visitors_by_token_off'; -- it is not secret: pages have it, too
    end if;
    if v_reason is not null then
        return gateway.refusal(v_reason, '');
    end if;
    return gateway.make_visitor_token(
        p_now,
        v_key,
        p_token_hash,
        p_visitor,
        p_expires_in,
        p_uses,
        p_max_output_tokens,
        p_models,
        p_page
    );
end;
$$;
