-- Who a key is, for routes that spend nothing. p_claim: as in public.authorize_request.
create or replace function public.identify_key(
    p_key_hash text, p_scope text, p_origin text, p_claim jsonb
) returns gateway.caller_identity
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.identify_key_at(now(), p_key_hash, p_scope, p_origin, p_claim);
end;
$$;

-- The same for gateways of the last release, which know no claims.
create or replace function public.identify_key(
    p_key_hash text, p_scope text, p_origin text
) returns gateway.identity
language plpgsql
security definer
set search_path = ''
as $$
declare
    v constant gateway.caller_identity := public.identify_key(
        p_key_hash, p_scope, p_origin, null
    );
begin
    return row(v.allowed, v.reason, v.key_id, v.allowed_models)::gateway.identity;
end;
$$;
