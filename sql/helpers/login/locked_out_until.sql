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
