-- Who a key is, for routes that spend nothing. p_claim: as in public.authorize_request.
create or replace function public.identify_key(
    p_key_hash text, p_scope text, p_origin text, p_claim jsonb default null
) returns gateway.identity
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.identify_key_at(now(), p_key_hash, p_scope, p_origin, p_claim);
end;
$$;
