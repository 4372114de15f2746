-- Delete the failures that are too old to lock out.
create or replace function gateway.forget_failures(p_now timestamptz) returns void
language plpgsql
as $$
begin
    delete from gateway.admin_failures as f
    where f.failed_at <= p_now - (gateway.login_limits()).within;
end;
$$;
