-- The presets for a gateway that knows some of them: the revisions of all, and in full those that
-- are not in p_known, a list of revisions.
create or replace function public.current_presets(p_known jsonb) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.current_presets_at(now(), p_known);
end;
