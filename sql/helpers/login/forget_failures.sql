-- Delete the failures that are too old to lock out, those of a clock that was wrong, and where they
-- are too many the oldest: whoever guesses from many addresses fills no disk.
create or replace function gateway.forget_failures(p_now timestamptz) returns void
language plpgsql
as $$
begin
    delete from gateway.admin_failures as f
    where
        f.failed_at <= p_now - (gateway.login_limits()).within
        or f.failed_at >= p_now + (gateway.login_limits()).within
        or f.failed_at <= (
            select k.failed_at from gateway.admin_failures as k
            order by k.failed_at desc
            offset (gateway.login_limits()).overall - 1
            limit 1
        );
end;
$$;
