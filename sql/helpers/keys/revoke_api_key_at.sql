create or replace function gateway.revoke_api_key_at(p_now timestamptz, p_id uuid) returns jsonb
language plpgsql
as $$
declare
    v_key gateway.api_keys;
begin
    update gateway.api_keys as k
    set is_active = false, revoked_at = coalesce(k.revoked_at, p_now)
    where k.id = p_id
    returning k.* into v_key;
    if not found then
        return gateway.unknown_key();
    end if;
    return gateway.key_json(p_now, v_key);
end;
$$;
