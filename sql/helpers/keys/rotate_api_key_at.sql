create or replace function gateway.rotate_api_key_at(
    p_now timestamptz, p_id uuid, p_key_hash text, p_prefix text, p_grace_seconds integer
) returns jsonb
language plpgsql
as $$
declare
    v_key gateway.api_keys;
    v_until constant timestamptz
    := p_now + greatest(coalesce(p_grace_seconds, 0), 0) * interval '1 second';
begin
    select k.* into v_key from gateway.api_keys as k where k.id = p_id for update;
    if not found then
        return gateway.unknown_key();
    end if;
    if v_key.revoked_at is not null then
        return gateway.refusal('invalid', 'This key has been revoked: make a new one.');
    end if;
    if v_key.key_hash = p_key_hash then
        return gateway.key_json(p_now, v_key);
    end if;

    update gateway.retired_keys as r
    set valid_until = least(r.valid_until, v_until)
    where r.api_key_id = p_id;
    insert into gateway.retired_keys (key_hash, api_key_id, valid_until)
    values (v_key.key_hash, p_id, v_until);
    update gateway.api_keys as k
    set key_hash = p_key_hash, prefix = p_prefix
    where k.id = p_id
    returning k.* into v_key;
    return gateway.key_json(p_now, v_key);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;
