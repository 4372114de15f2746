-- A driver may send the first and the last day of its calendar as infinity.
create or replace function gateway.within_calendar(p_day date) returns date
language sql immutable parallel safe
return least(greatest(p_day, date '0001-01-01'), date '9999-12-31');
