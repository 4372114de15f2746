-- How many wrong admin secrets are borne: so many failures of one address within the time lock it
-- out. Of all addresses together the newest are kept, so many at most.
create or replace function gateway.login_limits(
    out per_address integer, out overall integer, out within interval
)
language sql immutable parallel safe
return row(10, 1000, '15 minutes'::interval);
