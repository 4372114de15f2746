-- Of a report: of the month to date, unless it is given.
create or replace function gateway.first_day(p_now timestamptz, p_from date, p_to date)
returns date
language sql immutable parallel safe
return gateway.within_calendar(
    coalesce(p_from, date_trunc('month', coalesce(p_to, gateway.day_of(p_now))::timestamp)::date)
);
