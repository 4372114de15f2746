-- What the reports add up: the daily roll-up alone, so that a report of a year ago says the same
-- before and after the log of that year was dropped.
create or replace function gateway.usage_rows(p_key_id uuid, p_from date, p_to date)
returns setof gateway.usage_daily
language sql stable
begin atomic
    select d.*
    from gateway.usage_daily as d
    where (p_key_id is null or d.api_key_id = p_key_id) and d.day between p_from and p_to;
end;
