-- What a month's counter brings into p_month: nothing, if it is of an earlier one.
create or replace function gateway.carried(
    p_amount bigint, p_month_start timestamptz, p_month timestamptz
) returns bigint
language sql immutable parallel safe
return case when p_month_start < p_month then 0 else p_amount end;
