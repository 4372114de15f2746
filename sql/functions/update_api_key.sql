-- Change what p_changes names; it holds from the next request of the key on. Null takes a limit of
-- output, models, origins or time away.
create or replace function public.update_api_key(p_id uuid, p_changes jsonb) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.update_api_key_at(now(), p_id, p_changes);
end;
