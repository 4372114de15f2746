-- After days or requests came in from elsewhere: a day has at least what the log has of it, and a
-- counter at least what the days of its month have. Nothing is set back, and doing it again changes
-- nothing.
create or replace function gateway.add_up(p_kind text, p_rows jsonb) returns void
language plpgsql
as $$
begin
    if p_kind = 'logs' then
        insert into gateway.usage_daily as d (
            day, api_key_id, model,
            requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
        )
        select
            came.day,
            came.api_key_id,
            came.model,
            count(*),
            sum(l.prompt_tokens),
            sum(l.completion_tokens),
            sum(l.total_tokens),
            sum(l.charged_tokens)
        from (
            select distinct gateway.day_of(r.created_at) as day, r.api_key_id, r.model
            from jsonb_populate_recordset(null::gateway.usage_logs, p_rows) as r
        ) as came
        inner join gateway.usage_logs as l
            on
                came.api_key_id = l.api_key_id
                and came.model = l.model
                and l.created_at >= came.day::timestamp at time zone 'UTC'
                and l.created_at < (came.day + 1)::timestamp at time zone 'UTC'
        group by came.day, came.api_key_id, came.model
        on conflict (api_key_id, day, model) do update set
            requests = greatest(d.requests, excluded.requests),
            prompt_tokens = greatest(d.prompt_tokens, excluded.prompt_tokens),
            completion_tokens = greatest(d.completion_tokens, excluded.completion_tokens),
            total_tokens = greatest(d.total_tokens, excluded.total_tokens),
            charged_tokens = greatest(d.charged_tokens, excluded.charged_tokens);
        perform gateway.add_up_visitors(p_rows);
    end if;

    -- A counter of another day is made anew from the days (gateway.open_visitor).
    update gateway.visitor_counters as c
    set
        tokens_used = greatest(c.tokens_used, d.charged_tokens),
        requests = greatest(c.requests, d.requests)
    from gateway.visitor_daily as d
    where
        p_kind <> 'daily'
        and d.api_key_id in (
            select (r.one ->> 'api_key_id')::uuid from jsonb_array_elements(p_rows) as r (one)
        )
        and c.api_key_id = d.api_key_id
        and c.id = d.visitor
        and c.day = d.day;

    update gateway.key_counters as c
    set
        tokens_used = greatest(c.tokens_used, m.tokens),
        requests = greatest(c.requests, m.requests)
    from (
        select
            d.api_key_id,
            gateway.month_of(d.day::timestamp at time zone 'UTC') as month,
            sum(d.charged_tokens)::bigint as tokens,
            sum(d.requests)::bigint as requests
        from gateway.usage_daily as d
        where
            d.api_key_id in (
                select (r.one ->> 'api_key_id')::uuid from jsonb_array_elements(p_rows) as r (one)
            )
        group by 1, 2
    ) as m
    where c.api_key_id = m.api_key_id and c.month_start = m.month;
end;
$$;
