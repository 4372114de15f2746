-- Months and days in UTC. Plain SQL without settings of its own, so that Postgres inlines it.

create or replace function gateway.month_of(p_time timestamptz) returns timestamptz
language sql immutable parallel safe
return date_trunc('month', p_time at time zone 'UTC') at time zone 'UTC';

create or replace function gateway.month_after(p_time timestamptz) returns timestamptz
language sql immutable parallel safe
return (date_trunc('month', p_time at time zone 'UTC') + interval '1 month') at time zone 'UTC';

create or replace function gateway.day_of(p_time timestamptz) returns date
language sql immutable parallel safe
return (p_time at time zone 'UTC')::date;

-- As JSON shows a time, whatever the time zone of the session.
create or replace function gateway.iso(p_time timestamptz) returns text
language sql stable parallel safe
return to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

-- What a month's counter brings into p_month: nothing, if it is of an earlier one.
create or replace function gateway.carried(
    p_amount bigint, p_month_start timestamptz, p_month timestamptz
) returns bigint
language sql immutable parallel safe
return case when p_month_start < p_month then 0 else p_amount end;
