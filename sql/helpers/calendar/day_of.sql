-- The day in UTC.
create or replace function gateway.day_of(p_time timestamptz) returns date
language sql immutable parallel safe
return (p_time at time zone 'UTC')::date;
