-- Whether an attempt to give the admin secret counts. The caller has compared the secret; too many
-- wrong ones from one address, or from all, and even the right one is refused for a while.
create or replace function public.admin_login(p_address text, p_matched boolean) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.admin_login_at(clock_timestamp(), p_address, p_matched);
end;
$$;
