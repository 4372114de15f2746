create or replace function gateway.has_partition(p_month timestamptz) returns boolean
language sql -- volatile: after a wait it sees what was made meanwhile
return to_regclass('gateway.' || gateway.partition_of(p_month)) is not null;
