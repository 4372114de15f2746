-- What makes a version of a preset: all that an owner may change.
create or replace function gateway.preset_content(p_preset gateway.presets) returns jsonb
language sql immutable parallel safe
return jsonb_build_object(
    'model', (p_preset).model,
    'system', (p_preset).system,
    'parameters', (p_preset).parameters,
    'template', (p_preset).template,
    'variables', (p_preset).variables,
    'locked', (p_preset).locked
);
