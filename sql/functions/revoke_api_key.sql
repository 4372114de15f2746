-- Refuse a key, and those it replaced, from now on. Its usage stays.
create or replace function public.revoke_api_key(p_id uuid) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.revoke_api_key_at(now(), p_id);
end;
