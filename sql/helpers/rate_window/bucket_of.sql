-- The rate window: seven buckets of 10 seconds, all counted. Any 60 seconds touch at most seven of
-- them, so that never more than the limit passes in any 60 seconds.
create or replace function gateway.bucket_of(p_time timestamptz) returns bigint
language sql stable parallel safe
return floor(extract(epoch from p_time) / 10)::bigint;
