-- What a visitor may use, what is used and left today, and what was used by day: for the visitor,
-- so nothing of the key's. The arguments are those of public.identify_key.
create or replace function public.visitor_report(
    p_key_hash text, p_scope text, p_origin text, p_claim jsonb, p_from date, p_to date
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.visitor_report_at(
        now(), p_key_hash, p_scope, p_origin, p_claim, p_from, p_to
    );
end;
