-- As JSON shows a time, whatever the time zone of the session.
create or replace function gateway.iso(p_time timestamptz) returns text
language sql stable parallel safe
return to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
