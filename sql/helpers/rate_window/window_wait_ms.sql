-- Milliseconds until enough buckets have left for one more request; 0 if there is room now.
create or replace function gateway.window_wait_ms(
    p_counts integer[], p_bucket bigint, p_limit integer, p_now timestamptz
) returns integer
language sql stable parallel safe
return case
    when gateway.window_sum(p_counts) < p_limit then 0
    else (
        select greatest(1, gateway.ms_until_bucket(p_bucket - max(age.n) + 62, p_now))
        from (
            select w.n::integer as n, sum(w.calls) over (order by w.n) - w.calls as younger
            from unnest(p_counts) with ordinality as w (calls, n)
        ) as age
        where age.younger < p_limit
    )
end;
