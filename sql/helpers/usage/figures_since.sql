-- What all keys have used since a day, that day included.
create or replace function gateway.figures_since(p_day date) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'requests', coalesce(sum(d.requests), 0),
            'total_tokens', coalesce(sum(d.total_tokens), 0),
            'charged_tokens', coalesce(sum(d.charged_tokens), 0)
        )
    from gateway.usage_daily as d
    where d.day >= p_day;
end;
