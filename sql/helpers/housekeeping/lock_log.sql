-- Have the log for this transaction alone. Who makes or drops a partition waits for everyone who
-- writes to the log, so it may hold no lock on holds or counters. Those who come to write wait
-- behind whoever waits here, so that is given up soon (false): a reader of the whole log, as
-- pg_dump is, must not stop all settling. Longer than deadlock_timeout: Postgres then lets those
-- pass who are waited for.
create or replace function gateway.lock_log() returns boolean
language plpgsql
set lock_timeout = '2s'
as $$
begin
    lock table gateway.usage_logs in access exclusive mode;
    return true;
exception
    when lock_not_available then
        return false;
end;
$$;
