-- Of a report: today, unless it is given.
create or replace function gateway.last_day(p_now timestamptz, p_from date, p_to date)
returns date
language sql immutable parallel safe
return gateway.within_calendar(coalesce(p_to, greatest(p_from, gateway.day_of(p_now))));
