create or replace function gateway.update_preset_at(
    p_now timestamptz, p_name text, p_changes jsonb
) returns jsonb
language plpgsql
as $$
declare
    v_old gateway.presets;
    v_preset gateway.presets;
    v_changes jsonb := p_changes;
    v_unknown text;
    v_problem jsonb;
begin
    select min(c.name) into v_unknown
    from jsonb_object_keys(p_changes) as c (name)
    where c.name <> all('{model,system,parameters,template,variables,locked,restore}'::text[]);
    if v_unknown is not null then
        return gateway.refusal('invalid', format('%s cannot be changed.', v_unknown));
    end if;
    select p.* into v_old from gateway.presets as p where p.name = p_name for update;
    if not found then
        return gateway.unknown_preset();
    end if;
    if p_changes ? 'restore' then
        select v.content into v_changes from gateway.preset_versions as v
        where v.name = p_name and to_jsonb(v.version) = p_changes -> 'restore';
        if not found or (p_changes - 'restore') <> '{}' then
            return gateway.preset_refusal(
                'restore', 'should be a version that is kept, and stand alone'
            );
        end if;
    end if;
    if v_changes -> 'parameters' = 'null' then
        v_changes := v_changes || '{"parameters": {}}';
    end if;
    if v_changes -> 'variables' = 'null' then
        v_changes := v_changes || '{"variables": {}}';
    end if;
    v_preset := jsonb_populate_record(v_old, v_changes);
    if gateway.preset_content(v_preset) = gateway.preset_content(v_old) then
        return gateway.preset_json(v_old);
    end if;
    v_problem := gateway.preset_problem(v_preset);
    if v_problem is not null then
        return v_problem;
    end if;
    update gateway.presets as p
    set
        version = p.version + 1,
        model = v_preset.model,
        system = v_preset.system,
        parameters = v_preset.parameters,
        template = v_preset.template,
        variables = v_preset.variables,
        locked = v_preset.locked,
        revision = gen_random_uuid(),
        updated_at = p_now
    where p.name = p_name
    returning p.* into v_preset;
    perform gateway.keep_preset_version(v_preset);
    return gateway.preset_json(v_preset);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;
