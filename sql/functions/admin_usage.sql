-- The usage of one key, or of all (null): by day, key and model, or added up by what p_group_by
-- names: some of month, day, hour, key and model, or of month, day, hour, key and visitor.
create or replace function public.admin_usage(
    p_key_id uuid, p_from date, p_to date, p_group_by text[] default null
) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.admin_usage_at(now(), p_key_id, p_from, p_to, p_group_by);
end;
