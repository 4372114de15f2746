-- Until when nobody from this address is let in: until so many of its failures have grown old that
-- fewer than the limit are left. Null: it is not locked out. What others fail at locks nobody out,
-- and what a clock that was wrong wrote down for later does not either.
create or replace function gateway.locked_out_until(p_now timestamptz, p_address text)
returns timestamptz
language sql stable
begin atomic
    select
        (array_agg(f.failed_at order by f.failed_at desc))[(gateway.login_limits()).per_address]
        + (gateway.login_limits()).within
    from gateway.admin_failures as f
    where
        f.address = p_address
        and f.failed_at > p_now - (gateway.login_limits()).within
        and f.failed_at < p_now + (gateway.login_limits()).within;
end;
