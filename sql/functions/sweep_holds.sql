-- Renew the holds of the requests that a gateway says are running, and release the expired ones of
-- dead gateways. A released hold stays with no tokens, so that a late settlement counts once. It
-- also notes what time it is for the gateway (p_clock), and that p_gateway runs.
create or replace function public.sweep_holds(
    p_live uuid[],
    p_ttl_seconds integer,
    p_gateway uuid default null,
    p_clock timestamptz default null
) returns gateway.sweep_result
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.sweep_holds_at(
        gateway.true_now(clock_timestamp(), p_clock), p_live, p_ttl_seconds, p_gateway
    );
end;
$$;
