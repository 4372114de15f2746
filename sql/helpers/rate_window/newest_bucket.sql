-- The number of the newest bucket after that step.
create or replace function gateway.newest_bucket(p_from bigint, p_to bigint) returns bigint
language sql immutable parallel safe
return case when p_from - p_to between 1 and 60 then p_from else p_to end;
