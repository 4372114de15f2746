create or replace function gateway.get_preset_at(
    p_now timestamptz, p_name text, p_version integer
) returns jsonb
language plpgsql stable
as $$
declare
    v_preset gateway.presets;
    v_version gateway.preset_versions;
begin
    select p.* into v_preset from gateway.presets as p where p.name = p_name;
    if not found then
        return gateway.unknown_preset();
    end if;
    select v.* into v_version from gateway.preset_versions as v
    where v.name = p_name and v.version = coalesce(p_version, v_preset.version);
    if not found then
        return gateway.refusal('not_found', 'This version is not kept.');
    end if;
    return gateway.preset_json(v_preset)
    || v_version.content
    || jsonb_build_object(
        'version', v_version.version,
        'updated_at', gateway.iso(v_version.updated_at),
        'versions', (
            select
                jsonb_agg(
                    jsonb_build_object(
                        'version', v.version, 'updated_at', gateway.iso(v.updated_at)
                    )
                    order by v.version desc
                )
            from gateway.preset_versions as v
            where v.name = p_name
        )
    );
end;
$$;
