-- The calls of a key in the rate window as it is at a bucket, without adding up those that stay.
-- Postgres inlines it.
create or replace function gateway.calls_at(p_counter gateway.key_counters, p_bucket bigint)
returns integer
language sql immutable parallel safe
return case
    when p_bucket - (p_counter).bucket between -60 and 0 then (p_counter).window_calls
    when p_bucket - (p_counter).bucket between 1 and 60
        then (p_counter).window_calls - gateway.window_sum(
            (p_counter).window_counts[62 - (p_bucket - (p_counter).bucket)::integer:61]
        )
    else 0
end;
