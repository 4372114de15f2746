-- Whom an attempt is put down to. Who has one IPv6 address has the /56 around it; what is no
-- address at all is one and the same for all.
create or replace function gateway.failure_address(p_address text) returns text
language plpgsql immutable parallel safe
as $$
declare
    v_address inet;
begin
    v_address := p_address::inet;
    if v_address << '::ffff:0:0/96'::inet then -- IPv4 as a socket for both shows it
        v_address := '0.0.0.0'::inet + (v_address - '::ffff:0:0'::inet);
    end if;
    if family(v_address) = 6 then
        return network(set_masklen(v_address, 56))::text;
    end if;
    return coalesce(host(v_address), 'unknown');
exception
    when data_exception then
        return 'unknown';
end;
$$;
