-- A source of gateway.usage_source, added up by what p_group_by names; a row has only that. By
-- visitor there are only their calls. Days of visitors come with the name that the site gave, as
-- long as the visitor's counter is there and the site wants it kept; the name is found by the key.
create or replace function gateway.added_up_usage(
    p_now timestamptz, p_key_id uuid, p_from date, p_to date, p_group_by text[], p_source text
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
                            'api_key_id', case when 'key' = any(p_group_by) then g.api_key_id end,
                            'model', g.model,
                            'visitor', g.visitor
                        )
                    )
                    || case
                        when p_source = 'visitors' then jsonb_build_object('visitor_name', c.name)
                        else '{}'
                    end
                    || gateway.usage_counts(
                        g.requests, g.prompt_tokens, g.completion_tokens, g.total_tokens
                    )
                    order by g.month, g.day, g.hour, g.api_key_id, g.model, g.visitor
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
            u.hour,
            case when 'key' = any(p_group_by) or p_source = 'visitors' then u.api_key_id end
                as api_key_id,
            case when 'model' = any(p_group_by) then u.model end as model,
            case when 'visitor' = any(p_group_by) then u.visitor end as visitor,
            sum(u.requests) as requests,
            sum(u.prompt_tokens) as prompt_tokens,
            sum(u.completion_tokens) as completion_tokens,
            sum(u.total_tokens) as total_tokens
        from
            gateway.usage_source(
                p_source,
                p_key_id,
                gateway.first_day(p_now, p_from, p_to),
                gateway.last_day(p_now, p_from, p_to)
            ) as u
        where u.visitor is not null or p_source = 'daily' or 'visitor' <> all(p_group_by)
        group by 1, 2, 3, 4, 5, 6
    ) as g
    left join gateway.visitor_counters as c
        on p_source = 'visitors' and g.api_key_id = c.api_key_id and g.visitor = c.id;
end;
