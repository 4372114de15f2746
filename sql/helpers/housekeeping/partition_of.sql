-- The name of a month's partition of the log.
create or replace function gateway.partition_of(p_month timestamptz) returns text
language sql immutable parallel safe
return 'usage_logs_' || to_char(p_month at time zone 'UTC', 'YYYY_MM');
