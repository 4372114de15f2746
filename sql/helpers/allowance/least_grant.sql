-- Output tokens: an answer that names no length gets so many at least, or waits for running ones.
create or replace function gateway.least_grant() returns integer
language sql immutable parallel safe
return 256;
