-- The rate window: 61 buckets of a second, all counted. Any 60 seconds touch at most 61 of them, so
-- that never more than the limit passes in any 60 seconds, and a call is forgotten within a 61st.
create or replace function gateway.bucket_of(p_time timestamptz) returns bigint
language sql stable parallel safe
return floor(extract(epoch from p_time))::bigint;
