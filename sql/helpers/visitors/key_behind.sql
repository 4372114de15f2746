-- The key for which somebody calls who does not show it: with a token, or as a user of its issuer,
-- whom the gateway has verified.
create or replace function gateway.key_behind(p_token gateway.visitor_tokens, p_claim jsonb)
returns gateway.api_keys
language plpgsql stable
as $$
declare
    v_key gateway.api_keys;
begin
    select k.* into v_key
    from gateway.api_keys as k
    where
        k.id = coalesce(
            p_token.api_key_id,
            case when p_claim ? 'subject' then (p_claim ->> 'key_id')::uuid end
        );
    return v_key;
end;
$$;
