-- The advisory lock of whoever adds up months of the log, or imports into them.
create or replace function gateway.housekeeping_lock() returns bigint
language sql immutable parallel safe
return hashtextextended('gateway.keep_house', 0);
