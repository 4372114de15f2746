-- One page of keys, oldest first. The cursor is the id of the last key shown: keys are never
-- deleted and never change their place.
create or replace function public.list_api_keys(p_cursor text, p_limit integer) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.list_api_keys_at(now(), p_cursor, p_limit);
end;
