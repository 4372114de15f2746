-- Like gateway.grouped_usage, added up by visitor, and by some of month, day and key. A visitor's
-- use is kept without the model. Pools are left out: their visitors are there. The name is the
-- site's, as long as the visitor's counter is there and the site wants it kept.
create or replace function gateway.visitor_usage(
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
                            'api_key_id', case when 'key' = any(p_group_by) then g.api_key_id end,
                            'visitor', g.visitor
                        )
                    )
                    || jsonb_build_object('visitor_name', c.name)
                    || gateway.usage_counts(
                        g.requests, g.prompt_tokens, g.completion_tokens, g.total_tokens
                    )
                    order by g.month, g.day, g.api_key_id, g.visitor
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
            case when 'month' = any(p_group_by) then to_char(d.day::timestamp, 'YYYY-MM') end
                as month,
            case when 'day' = any(p_group_by) then d.day end as day,
            d.api_key_id,
            d.visitor,
            sum(d.requests) as requests,
            sum(d.prompt_tokens) as prompt_tokens,
            sum(d.completion_tokens) as completion_tokens,
            sum(d.total_tokens) as total_tokens
        from gateway.visitor_daily as d
        where
            not d.is_pool
            and (p_key_id is null or d.api_key_id = p_key_id)
            and d.day between gateway.first_day(p_now, p_from, p_to)
            and gateway.last_day(p_now, p_from, p_to)
        group by 1, 2, 3, 4
    ) as g
    left join gateway.visitor_counters as c on g.api_key_id = c.api_key_id and g.visitor = c.id;
end;
