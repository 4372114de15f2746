create or replace function gateway.owner_figures_at(p_now timestamptz, p_keys uuid[])
returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'keys', (
                select coalesce(jsonb_object_agg(k.id, k.label), '{}')
                from gateway.api_keys as k
                where k.id = any(p_keys)
            ),
            'today', gateway.figures_since(gateway.day_of(p_now)),
            'month', gateway.figures_since(gateway.day_of(gateway.month_of(p_now)))
        );
end;
