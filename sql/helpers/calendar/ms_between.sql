-- Milliseconds, one at least.
create or replace function gateway.ms_between(p_from timestamptz, p_to timestamptz)
returns integer
language sql immutable parallel safe
return greatest(1, ceil(extract(epoch from p_to - p_from) * 1000))::integer;
