-- Make the secret for the addresses of the next day, where there are visitors by address, before
-- anybody needs it: who waits for another to make it may hold a lock that the other waits for.
create or replace function gateway.prepare_secret(p_now timestamptz) returns void
language plpgsql
as $$
begin
    insert into gateway.address_secrets (day)
    select gateway.day_of(p_now + interval '1 hour')
    from gateway.address_secrets as s
    where s.day = gateway.day_of(p_now)
    on conflict (day) do nothing;
end;
$$;
