-- The key of a site, by its id, or null.
create or replace function gateway.site_key(p_site uuid) returns gateway.api_keys
language plpgsql -- volatile: each read sees what was committed until then
as $$
declare
    v_key gateway.api_keys;
begin
    select k.* into v_key from gateway.api_keys as k where k.id = p_site;
    return v_key;
end;
$$;
