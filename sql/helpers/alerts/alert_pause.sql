-- How long after so many failed attempts the next one begins.
create or replace function gateway.alert_pause(p_attempts integer) returns interval
language sql immutable parallel safe
return least(
    interval '30 seconds' * power(2, least(greatest(p_attempts, 1), 20) - 1), interval '6 hours'
);
