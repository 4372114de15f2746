-- How long after it was let through a request can be settled.
create or replace function gateway.settling_time() returns interval
language sql immutable parallel safe
return '35 days'::interval;
