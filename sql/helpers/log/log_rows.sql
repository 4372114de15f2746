-- Rows of the request log that fit a filter (see public.list_requests), the newest first; after the
-- row of p_time and p_id, if they are given. The statement names only what is filtered by, and its
-- values, so that it is planned for them.
create or replace function gateway.log_rows(
    p_filter jsonb, p_time timestamptz, p_id uuid, p_limit integer
) returns setof gateway.usage_logs
language plpgsql stable
as $$
begin
    return query execute gateway.log_query(p_filter, p_time, p_id, p_limit);
end;
$$;
