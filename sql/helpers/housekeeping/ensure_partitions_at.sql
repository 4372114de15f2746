-- The log's partitions of this month and the next; how many had to be made.
create or replace function gateway.ensure_partitions_at(p_now timestamptz) returns integer
language sql
return gateway.ensure_partitions(
    array[gateway.month_of(p_now), gateway.month_after(p_now)]
);
