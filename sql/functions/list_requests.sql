-- One page of the request log, the newest first. p_filter has what is filtered by of api_key_id,
-- visitor, model, status, usage_source, route, ids (a list), from (the first moment) and to (the
-- first that is too late). The cursor is time and id of the last row shown, so that what comes in
-- meanwhile moves no page.
create or replace function public.list_requests(
    p_filter jsonb, p_cursor text, p_limit integer
) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.list_requests_at(now(), p_filter, p_cursor, p_limit);
end;
