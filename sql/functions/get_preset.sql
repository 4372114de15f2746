-- One preset with its prompt, as it is now or was in a version, and the versions that are kept.
create or replace function public.get_preset(p_name text, p_version integer) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.get_preset_at(now(), p_name, p_version);
end;
