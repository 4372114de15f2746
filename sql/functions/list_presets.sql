-- All presets, by name, without their prompts.
create or replace function public.list_presets() returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.list_presets_at(now());
end;
