-- Take a preset away, with all its versions. What was used of it stays in the usage.
create or replace function public.delete_preset(p_name text) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.delete_preset_at(now(), p_name);
end;
