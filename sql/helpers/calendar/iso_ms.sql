-- As JSON shows a time to the millisecond.
create or replace function gateway.iso_ms(p_time timestamptz) returns text
language sql stable parallel safe
return to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
