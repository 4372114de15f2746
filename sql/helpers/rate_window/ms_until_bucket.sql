-- Milliseconds until this bucket begins.
create or replace function gateway.ms_until_bucket(p_bucket bigint, p_now timestamptz)
returns integer
language sql stable parallel safe
return ceil((p_bucket - extract(epoch from p_now)) * 1000)::integer;
