-- Renew the holds of the requests that a gateway says are running, and release the expired ones of
-- dead gateways. A released hold stays with no tokens, so that a late settlement counts once.
create or replace function public.sweep_holds(p_live uuid[], p_ttl_seconds integer)
returns gateway.sweep_result
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.sweep_holds_at(clock_timestamp(), p_live, p_ttl_seconds);
end;
$$;
