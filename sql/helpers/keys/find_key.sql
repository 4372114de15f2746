-- The key with this hash, or the one that replaced it while its grace lasts, or null.
create or replace function gateway.find_key(p_now timestamptz, p_key_hash text)
returns gateway.api_keys
language plpgsql stable
as $$
declare
    v_key gateway.api_keys;
begin
    select k.* into v_key from gateway.api_keys as k where k.key_hash = p_key_hash;
    if not found then
        select k.* into v_key
        from gateway.retired_keys as r
        inner join gateway.api_keys as k on r.api_key_id = k.id
        where r.key_hash = p_key_hash and r.valid_until > p_now;
    end if;
    return v_key;
end;
$$;
