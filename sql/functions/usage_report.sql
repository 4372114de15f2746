-- What a key may use, what is used and left this month, and what it used: by day and model, or
-- added up by what p_group_by names. Without a range: the month to date, of p_to if only that is
-- given.
create or replace function public.usage_report(
    p_key_id uuid, p_from date, p_to date, p_group_by text[] default null
) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.usage_report_at(now(), p_key_id, p_from, p_to, p_group_by);
end;
