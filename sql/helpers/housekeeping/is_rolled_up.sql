-- Whether the daily roll-up has all that the log has of a month, so that nothing is lost with it. A
-- settlement that comes in meanwhile adds the same to both.
create or replace function gateway.is_rolled_up(p_month timestamptz) returns boolean
language sql stable
begin atomic
    select not exists (
        select 1
        from (
            select
                gateway.day_of(l.created_at) as day,
                l.api_key_id,
                l.model,
                count(*) as requests,
                sum(l.prompt_tokens) as prompt_tokens,
                sum(l.completion_tokens) as completion_tokens,
                sum(l.total_tokens) as total_tokens,
                sum(l.charged_tokens) as charged_tokens
            from gateway.usage_logs as l
            where l.created_at >= p_month and l.created_at < gateway.month_after(p_month)
            group by 1, 2, 3
        ) as logged
        left join gateway.usage_daily as d
            on
                logged.day = d.day
                and logged.api_key_id = d.api_key_id
                and logged.model = d.model
                and logged.requests <= d.requests
                and logged.prompt_tokens <= d.prompt_tokens
                and logged.completion_tokens <= d.completion_tokens
                and logged.total_tokens <= d.total_tokens
                and logged.charged_tokens <= d.charged_tokens
        where d.day is null
    );
end;
