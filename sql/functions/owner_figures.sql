-- For the owner's overview: what was used today and this month (UTC), and the labels of keys.
create or replace function public.owner_figures(p_keys uuid[]) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.owner_figures_at(now(), p_keys);
end;
