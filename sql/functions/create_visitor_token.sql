-- Make a token for one visitor of a site, with the site's key. Its hash is the caller's: the plain
-- token never comes here. p_visitor: who the visitor is to the site. p_origin: the website that
-- asks; a page is refused, since it would have the key in it. p_page: the only website that may
-- show the token. Asking again with the same hash changes nothing.
create or replace function public.create_visitor_token(
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
language sql
security definer
set search_path = ''
begin atomic
    select gateway.create_visitor_token_at(
        now(),
        p_key_hash,
        p_origin,
        p_token_hash,
        p_visitor,
        p_expires_in,
        p_uses,
        p_max_output_tokens,
        p_models,
        p_page
    );
end;
