-- When a day begins, in UTC.
create or replace function gateway.start_of(p_day date) returns timestamptz
language sql immutable parallel safe
return p_day::timestamp at time zone 'UTC';
