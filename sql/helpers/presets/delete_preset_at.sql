create or replace function gateway.delete_preset_at(p_now timestamptz, p_name text) returns jsonb
language plpgsql
as $$
declare
    v_preset gateway.presets;
begin
    delete from gateway.presets as p where p.name = p_name returning p.* into v_preset;
    if not found then
        return gateway.unknown_preset();
    end if;
    return gateway.preset_json(v_preset);
end;
$$;
