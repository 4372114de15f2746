-- Why a preset cannot be used, beyond what constraints say; null: it can.
create or replace function gateway.preset_problem(p_preset gateway.presets) returns jsonb
language plpgsql immutable
as $$
declare
    v_field text;
    v_problem text;
begin
    select 'parameters.' || p.name, gateway.parameter_problem(p.name, p.value)
    into v_field, v_problem
    from jsonb_each((p_preset).parameters) as p (name, value)
    where gateway.parameter_problem(p.name, p.value) is not null
    order by p.name
    limit 1;
    if found then
        return gateway.preset_refusal(v_field, v_problem);
    end if;
    select 'variables.' || v.name, gateway.variable_problem(v.name, v.value)
    into v_field, v_problem
    from jsonb_each((p_preset).variables) as v (name, value)
    where gateway.variable_problem(v.name, v.value) is not null
    order by v.name
    limit 1;
    if found then
        return gateway.preset_refusal(v_field, v_problem);
    end if;
    if (select count(*) from jsonb_object_keys((p_preset).variables) as v (name)) > 20 then
        return gateway.preset_refusal('variables', 'should be at most 20');
    end if;
    v_problem := gateway.template_problem((p_preset).template, (p_preset).variables);
    if v_problem is not null then
        return gateway.preset_refusal('template', v_problem);
    end if;
    if (p_preset).locked and (p_preset).template is null and (p_preset).variables = '{}' then
        return gateway.preset_refusal('locked', 'needs variables or a template');
    end if;
    return null;
end;
$$;
