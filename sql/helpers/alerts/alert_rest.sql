-- How long what is over cannot begin again: what holds has held for a minute, so whoever says so
-- earlier saw it before it ended.
create or replace function gateway.alert_rest() returns interval
language sql immutable parallel safe
return '50 seconds'::interval;
