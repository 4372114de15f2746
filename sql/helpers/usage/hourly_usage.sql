-- Like gateway.grouped_usage, added up by the hour (UTC), and by some of the others or the visitor:
-- from the log itself, which has no roll-up by the hour. By visitor there are only their calls.
create or replace function gateway.hourly_usage(
    p_now timestamptz, p_key_id uuid, p_from date, p_to date, p_group_by text[]
) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'from', gateway.first_day(p_now, p_from, p_to),
            'to', gateway.last_day(p_now, p_from, p_to),
            'group_by', p_group_by,
            'data',
            coalesce(
                jsonb_agg(
                    jsonb_strip_nulls(
                        jsonb_build_object(
                            'month', g.month,
                            'date', g.day,
                            'hour', gateway.iso(g.hour),
                            'api_key_id', g.api_key_id,
                            'model', g.model,
                            'visitor', g.visitor
                        )
                    )
                    || gateway.usage_counts(
                        g.requests, g.prompt_tokens, g.completion_tokens, g.total_tokens
                    )
                    order by g.hour, g.api_key_id, g.model, g.visitor
                ),
                '[]'
            ),
            'total',
            gateway.usage_counts(
                sum(g.requests),
                sum(g.prompt_tokens),
                sum(g.completion_tokens),
                sum(g.total_tokens)
            )
        )
    from (
        select
            date_trunc('hour', l.created_at, 'UTC') as hour,
            case
                when 'month' = any(p_group_by)
                    then to_char(l.created_at at time zone 'UTC', 'YYYY-MM')
            end as month,
            case when 'day' = any(p_group_by) then gateway.day_of(l.created_at) end as day,
            case when 'key' = any(p_group_by) then l.api_key_id end as api_key_id,
            case when 'model' = any(p_group_by) then l.model end as model,
            case when 'visitor' = any(p_group_by) then l.visitor end as visitor,
            count(*) as requests,
            sum(l.prompt_tokens) as prompt_tokens,
            sum(l.completion_tokens) as completion_tokens,
            sum(l.total_tokens) as total_tokens
        from gateway.usage_logs as l
        where
            (p_key_id is null or l.api_key_id = p_key_id)
            and (l.visitor is not null or 'visitor' <> all(p_group_by))
            and l.created_at >= gateway.start_of(gateway.first_day(p_now, p_from, p_to))
            and l.created_at < gateway.start_of(gateway.last_day(p_now, p_from, p_to) + 1)
        group by 1, 2, 3, 4, 5, 6
    ) as g;
end;
