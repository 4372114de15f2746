-- What is long or secret of a preset is left to get_preset.
create or replace function gateway.list_presets_at(p_now timestamptz) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'data',
            coalesce(
                jsonb_agg(
                    gateway.preset_json(p) - '{system,template}'::text[]
                    order by p.name collate "C"
                ),
                '[]'
            )
        )
    from gateway.presets as p;
end;
