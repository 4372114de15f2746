-- The id of an address on this day. Its secret is made on first sight, and goes with the day.
create or replace function gateway.address_id(p_salt uuid, p_day date, p_address text)
returns uuid
language plpgsql
as $$
declare
    v_secret uuid;
begin
    select s.secret into v_secret from gateway.address_secrets as s where s.day = p_day;
    if not found then
        insert into gateway.address_secrets (day) values (p_day) on conflict (day) do nothing;
        select s.secret into v_secret from gateway.address_secrets as s where s.day = p_day;
    end if;
    return gateway.visitor_id(v_secret, 'address', p_salt || ' ' || p_address);
end;
$$;
