-- The calls in the whole window.
create or replace function gateway.window_sum(p_counts integer[]) returns integer
language sql immutable parallel safe
return p_counts[1] + p_counts[2] + p_counts[3] + p_counts[4]
+ p_counts[5] + p_counts[6] + p_counts[7];
