create or replace function gateway.current_presets_at(p_now timestamptz, p_known jsonb)
returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'revisions',
            coalesce(jsonb_agg(p.revision order by p.name), '[]'),
            'changed',
            coalesce(
                jsonb_agg(
                    gateway.preset_json(p) || jsonb_build_object('revision', p.revision)
                    order by p.name
                ) filter (where not p_known ? p.revision::text),
                '[]'
            )
        )
    from gateway.presets as p;
end;
