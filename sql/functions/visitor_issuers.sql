-- Whose users are visitors of which key: {"data": [{"key_id", "issuer", "audience"}]}.
create or replace function public.visitor_issuers() returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.visitor_issuers_at(now());
end;
