-- How many wrong admin secrets are borne: so many failures of one address, or of all together,
-- within the time lock out.
create or replace function gateway.login_limits(
    out per_address integer, out overall integer, out within interval
)
language sql immutable parallel safe
return row(10, 300, '15 minutes'::interval);
