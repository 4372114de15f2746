-- The month in UTC. Plain SQL without settings of its own, as all of the calendar, so that Postgres
-- inlines it.
create or replace function gateway.month_of(p_time timestamptz) returns timestamptz
language sql immutable parallel safe
return date_trunc('month', p_time at time zone 'UTC') at time zone 'UTC';
