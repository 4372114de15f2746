-- Added up by some of month, day, key and model; a row has only what it was added up by.
create or replace function gateway.grouped_usage(
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
                            'api_key_id', g.api_key_id,
                            'model', g.model
                        )
                    )
                    || gateway.usage_counts(
                        g.requests, g.prompt_tokens, g.completion_tokens, g.total_tokens
                    )
                    order by g.month, g.day, g.api_key_id, g.model
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
            case when 'month' = any(p_group_by) then to_char(u.day::timestamp, 'YYYY-MM') end
                as month,
            case when 'day' = any(p_group_by) then u.day end as day,
            case when 'key' = any(p_group_by) then u.api_key_id end as api_key_id,
            case when 'model' = any(p_group_by) then u.model end as model,
            sum(u.requests) as requests,
            sum(u.prompt_tokens) as prompt_tokens,
            sum(u.completion_tokens) as completion_tokens,
            sum(u.total_tokens) as total_tokens
        from
            gateway.usage_rows(
                p_key_id,
                gateway.first_day(p_now, p_from, p_to),
                gateway.last_day(p_now, p_from, p_to)
            ) as u
        group by 1, 2, 3, 4
    ) as g;
end;
