-- What came of attempts to deliver alerts: p_attempts is [{"id", "channel", "problem"}], the
-- problem null where it was delivered. What was not is due again after a pause.
create or replace function public.note_deliveries(p_attempts jsonb, p_clock timestamptz)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.note_deliveries_at(
        gateway.true_now(clock_timestamp(), p_clock), p_attempts
    );
end;
$$;
