-- Make a preset: a model with a prompt, which callers know as @preset/NAME. A second call with the
-- same gives the preset that the first one made, so that a lost answer can be asked for again.
create or replace function public.create_preset(p_name text, p_fields jsonb) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.create_preset_at(now(), p_name, p_fields);
end;
