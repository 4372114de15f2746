-- Milliseconds until enough buckets have left for one more request; 0 if there is room now.
create or replace function gateway.window_wait_ms(
    p_counts integer[], p_bucket bigint, p_limit integer, p_now timestamptz
) returns integer
language sql stable parallel safe
return case
    when gateway.window_sum(p_counts) < p_limit then 0
    else (
        select
            greatest(1, gateway.ms_until_bucket(p_bucket - max(age.n) + 8, p_now))
        from generate_series(1, 7) as age (n)
        where (
            select coalesce(sum(younger.n), 0)
            from unnest(p_counts[1:age.n - 1]) as younger (n)
        ) < p_limit
    )
end;
