-- How many wrong admin secrets are borne, and from whom they came.

-- The constants: so many failures of one address, or of all together, within the time lock out.
create or replace function gateway.login_limits(
    out per_address integer, out overall integer, out within interval
)
language sql immutable parallel safe
return row(10, 300, '15 minutes'::interval);

-- Whom an attempt is put down to. Who has one IPv6 address has the /64 around it; what is no
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
        return network(set_masklen(v_address, 64))::text;
    end if;
    return coalesce(host(v_address), 'unknown');
exception
    when data_exception then
        return 'unknown';
end;
$$;

-- Until when nobody from this address is let in: until so many failures, of its own or of all, have
-- grown old that fewer than the limit are left. Null: it is not locked out.
create or replace function gateway.locked_out_until(p_now timestamptz, p_address text)
returns timestamptz
language sql stable
begin atomic
    select
        greatest(
            (array_agg(f.failed_at order by f.failed_at desc) filter (where f.address = p_address))[
                (gateway.login_limits()).per_address
            ],
            (array_agg(f.failed_at order by f.failed_at desc))[(gateway.login_limits()).overall]
        ) + (gateway.login_limits()).within
    from gateway.admin_failures as f
    where f.failed_at > p_now - (gateway.login_limits()).within;
end;
