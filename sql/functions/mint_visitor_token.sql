-- Make a token for a visitor of a site whose page has shown a proof, after public.visitor_page. Its
-- hash is the caller's: the plain token never comes here. p_site: the id of the site's key.
-- p_origin: the only website that may show the token. p_visitor: who the visitor is to the site;
-- null: whoever is at this address today. p_expires_in: seconds, 600 at most.
create or replace function public.mint_visitor_token(
    p_site uuid,
    p_origin text,
    p_address text,
    p_visitor text,
    p_token_hash text,
    p_expires_in integer
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.mint_visitor_token_at(
        now(), p_site, p_origin, p_address, p_visitor, p_token_hash, p_expires_in
    );
end;
