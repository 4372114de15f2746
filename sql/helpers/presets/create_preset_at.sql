create or replace function gateway.create_preset_at(
    p_now timestamptz, p_name text, p_fields jsonb
) returns jsonb
language plpgsql
as $$
declare
    v_preset gateway.presets;
    v_there gateway.presets;
    v_problem jsonb;
begin
    lock table gateway.presets in share row exclusive mode;
    v_preset := jsonb_populate_record(
        null::gateway.presets,
        '{"parameters": {}, "variables": {}, "locked": false}'
        || jsonb_strip_nulls(p_fields - '{parameters,variables}'::text[])
        || jsonb_build_object(
            'parameters', coalesce(nullif(p_fields -> 'parameters', 'null'), '{}'),
            'variables', coalesce(nullif(p_fields -> 'variables', 'null'), '{}'),
            'name', p_name,
            'version', 1,
            'revision', gen_random_uuid(),
            'created_at', p_now,
            'updated_at', p_now
        )
    );
    select p.* into v_there from gateway.presets as p where p.name = p_name;
    if found then -- a lost answer is asked for again
        if gateway.preset_content(v_there) = gateway.preset_content(v_preset) then
            return gateway.preset_json(v_there);
        end if;
        return gateway.preset_refusal('name', 'is that of another preset');
    end if;
    if (select count(*) from gateway.presets) >= 200 then
        return gateway.refusal('invalid', 'There are 200 presets, and no more can be.');
    end if;
    insert into gateway.presets select v_preset.*;
    v_problem := gateway.preset_problem(v_preset);
    if v_problem is not null then
        delete from gateway.presets as p where p.name = p_name;
        return v_problem;
    end if;
    perform gateway.keep_preset_version(v_preset);
    return gateway.preset_json(v_preset);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;
