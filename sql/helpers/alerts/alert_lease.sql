-- How long an attempt to deliver an alert may take. Then its gateway is taken for dead, and another
-- tries.
create or replace function gateway.alert_lease() returns interval
language sql immutable parallel safe
return '5 minutes'::interval;
