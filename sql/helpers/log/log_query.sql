-- The statement of gateway.log_rows.
create or replace function gateway.log_query(
    p_filter jsonb, p_time timestamptz, p_id uuid, p_limit integer
) returns text
language sql stable
begin atomic
    select
        concat(
            'select l.* from gateway.usage_logs as l where true',
            string_agg(gateway.log_condition(f.name, f.value), '' order by f.name),
            case
                when p_id is not null then format(
                    ' and (l.created_at, l.request_id) < (%L::timestamptz, %L::uuid)', p_time, p_id
                )
            end,
            ' order by l.created_at desc, l.request_id desc limit ',
            p_limit::text
        )
    from jsonb_each_text(coalesce(p_filter, '{}')) as f (name, value);
end;
