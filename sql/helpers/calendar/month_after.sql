-- When the next month begins, in UTC.
create or replace function gateway.month_after(p_time timestamptz) returns timestamptz
language sql immutable parallel safe
return (gateway.month_of(p_time) at time zone 'UTC' + interval '1 month') at time zone 'UTC';
