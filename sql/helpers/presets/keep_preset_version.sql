-- Write down what a preset is now, and forget what it was 20 versions ago.
create or replace function gateway.keep_preset_version(p_preset gateway.presets) returns void
language plpgsql
as $$
begin
    insert into gateway.preset_versions (name, version, content, updated_at)
    values (
        p_preset.name, p_preset.version, gateway.preset_content(p_preset), p_preset.updated_at
    );
    delete from gateway.preset_versions as v
    where v.name = p_preset.name and v.version <= p_preset.version - 20;
end;
$$;
