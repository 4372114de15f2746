-- Milliseconds until the window is empty again, if nothing more comes.
create or replace function gateway.window_reset_ms(p_bucket bigint, p_now timestamptz)
returns integer
language sql stable parallel safe
return gateway.ms_until_bucket(p_bucket + 61, p_now);
