-- Count what requests came to, each exactly once: a batch can be sent again and again. Charged is
-- what was reported, within the hold and what else is left of the limit at that moment: a month is
-- never charged more than its limit, whatever a model reports. p_clock: what time it is for the
-- gateway.
create or replace function public.settle_requests(
    p_settlements jsonb, p_clock timestamptz default null
) returns gateway.settle_result
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_now constant timestamptz := gateway.true_now(clock_timestamp(), p_clock);
begin
    return gateway.settle_requests_at(
        v_now, p_settlements, coalesce(v_now - p_clock, '0')
    );
end;
$$;
