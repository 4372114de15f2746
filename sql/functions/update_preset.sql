-- Change what p_changes names, or go back to the version that it names as `restore`. Either makes a
-- new version; what changes nothing makes none.
create or replace function public.update_preset(p_name text, p_changes jsonb) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.update_preset_at(now(), p_name, p_changes);
end;
