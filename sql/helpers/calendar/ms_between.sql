-- Milliseconds: one at least, and at most what an integer holds, which is 24 days.
create or replace function gateway.ms_between(p_from timestamptz, p_to timestamptz)
returns integer
language sql immutable parallel safe
return least(greatest(1, ceil(extract(epoch from p_to - p_from) * 1000)), 2147483647)::integer;
