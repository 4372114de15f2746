-- After requests came in from elsewhere: a day of a visitor has at least what the log has of it. Of
-- pools the log knows nothing; their days come by themselves.
create or replace function gateway.add_up_visitors(p_rows jsonb) returns void
language plpgsql
as $$
begin
    insert into gateway.visitor_daily as d (
        day, api_key_id, visitor, is_pool,
        requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
    )
    select
        came.day,
        came.api_key_id,
        came.visitor,
        false,
        count(*),
        sum(l.prompt_tokens),
        sum(l.completion_tokens),
        sum(l.total_tokens),
        sum(l.charged_tokens)
    from (
        select distinct gateway.day_of(r.created_at) as day, r.api_key_id, r.visitor
        from jsonb_populate_recordset(null::gateway.usage_logs, p_rows) as r
    ) as came
    inner join gateway.usage_logs as l
        on
            came.api_key_id = l.api_key_id
            and came.visitor = l.visitor
            and l.created_at >= came.day::timestamp at time zone 'UTC'
            and l.created_at < (came.day + 1)::timestamp at time zone 'UTC'
    group by came.day, came.api_key_id, came.visitor
    on conflict (api_key_id, day, visitor) do update set
        requests = greatest(d.requests, excluded.requests),
        prompt_tokens = greatest(d.prompt_tokens, excluded.prompt_tokens),
        completion_tokens = greatest(d.completion_tokens, excluded.completion_tokens),
        total_tokens = greatest(d.total_tokens, excluded.total_tokens),
        charged_tokens = greatest(d.charged_tokens, excluded.charged_tokens);
end;
$$;
