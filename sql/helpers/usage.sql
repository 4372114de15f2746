-- What the usage reports share.

create or replace function gateway.usage_rows(p_key_id uuid, p_from date, p_to date)
returns setof gateway.usage_daily
language sql stable
begin atomic
    select d.*
    from gateway.usage_daily as d
    where (p_key_id is null or d.api_key_id = p_key_id) and d.day between p_from and p_to;
end;

create or replace function gateway.first_day(p_now timestamptz, p_from date, p_to date)
returns date
language sql immutable parallel safe
return coalesce(
    p_from, date_trunc('month', coalesce(p_to, gateway.day_of(p_now))::timestamp)::date
);
