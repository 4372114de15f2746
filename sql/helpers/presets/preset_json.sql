-- A preset as administrators see it.
create or replace function gateway.preset_json(p_preset gateway.presets) returns jsonb
language sql stable
return jsonb_build_object(
    'name', (p_preset).name,
    'version', (p_preset).version,
    'model', (p_preset).model,
    'system', (p_preset).system,
    'parameters', (p_preset).parameters,
    'template', (p_preset).template,
    'variables', (p_preset).variables,
    'locked', (p_preset).locked,
    'created_at', gateway.iso((p_preset).created_at),
    'updated_at', gateway.iso((p_preset).updated_at)
);
