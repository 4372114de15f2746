-- May a page of this website ask for a token of this site, for a visitor at this address? It
-- counts: an address has 10 attempts a minute and 100 a day for each site, and an IPv6 /48 16 times
-- as many. p_site: the id of the site's key; null: of any site, which counts nothing. {}: yes.
create or replace function public.visitor_page(
    p_origin text, p_site uuid default null, p_address text default null
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.visitor_page_at(now(), p_origin, p_site, p_address, clock_timestamp());
end;
