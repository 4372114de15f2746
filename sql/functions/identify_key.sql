-- Who a key is, for routes that spend nothing.
create or replace function public.identify_key(p_key_hash text, p_scope text, p_origin text)
returns gateway.identity
language plpgsql stable
security definer
set search_path = ''
as $$
begin
    return gateway.identify_key_at(now(), p_key_hash, p_scope, p_origin);
end;
$$;
