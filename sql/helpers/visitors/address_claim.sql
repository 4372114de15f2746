-- Where a caller is, as gateway/http/visitors.py tells it: an IPv4 address stands for a visitor,
-- and of an IPv6 address its /64; `network` is the /48 around it. Null: it is no address.
create or replace function gateway.address_claim(p_address text) returns jsonb
language plpgsql immutable parallel safe
as $$
declare
    v_address inet;
begin
    v_address := coalesce(p_address, '')::inet;
    if v_address << '::ffff:0:0/96'::inet then -- IPv4 as a socket for both shows it
        v_address := '0.0.0.0'::inet + (v_address - '::ffff:0:0'::inet);
    end if;
    if family(v_address) = 4 then
        return jsonb_build_object('address', host(v_address));
    end if;
    return jsonb_build_object(
        'address', network(set_masklen(v_address, 64))::text,
        'network', network(set_masklen(v_address, 48))::text
    );
exception
    when data_exception then
        return null;
end;
$$;
