-- The rate window: seven buckets of 10 seconds, all counted. Any 60 seconds touch at most seven of
-- them, so that never more than the limit passes in any 60 seconds.

create or replace function gateway.bucket_of(p_time timestamptz) returns bigint
language sql stable parallel safe
return floor(extract(epoch from p_time) / 10)::bigint;

-- The counts as they are at p_to. A newest bucket a little ahead of it: this caller waited for the
-- row. Far ahead: the clock was set back, so begin anew rather than block the key.
create or replace function gateway.shift_window(
    p_counts integer[], p_from bigint, p_to bigint
) returns integer[]
language sql immutable parallel safe
return case
    when p_to - p_from between -6 and 0 then p_counts
    when p_to - p_from between 1 and 6
        then (array_fill(0, array[(p_to - p_from)::integer]) || p_counts)[1:7]
    else '{0,0,0,0,0,0,0}'::integer[]
end;

-- The number of the newest bucket after that step.
create or replace function gateway.newest_bucket(p_from bigint, p_to bigint) returns bigint
language sql immutable parallel safe
return case when p_from - p_to between 1 and 6 then p_from else p_to end;

-- The counts with one more request at p_to.
create or replace function gateway.count_in_window(
    p_counts integer[], p_from bigint, p_to bigint
) returns integer[]
language sql immutable parallel safe
return array[(gateway.shift_window(p_counts, p_from, p_to))[1] + 1]
|| (gateway.shift_window(p_counts, p_from, p_to))[2:7];

create or replace function gateway.window_sum(p_counts integer[]) returns integer
language sql immutable parallel safe
return p_counts[1] + p_counts[2] + p_counts[3] + p_counts[4]
+ p_counts[5] + p_counts[6] + p_counts[7];

-- Milliseconds until enough buckets have left for one more request; 0 if there is room now.
create or replace function gateway.window_wait_ms(
    p_counts integer[], p_bucket bigint, p_limit integer, p_now timestamptz
) returns integer
language sql stable parallel safe
return case
    when gateway.window_sum(p_counts) < p_limit then 0
    else (
        select
            greatest(
                1, ceil(((p_bucket - max(age.n) + 8) * 10 - extract(epoch from p_now)) * 1000)
            )::integer
        from generate_series(1, 7) as age (n)
        where (
            select coalesce(sum(younger.n), 0)
            from unnest(p_counts[1:age.n - 1]) as younger (n)
        ) < p_limit
    )
end;
