-- What a gateway does once a minute for the owner's alerts: it says what it sees around it (p_seen:
-- see gateway.note_seen), how far the keys have come is looked at, and it is given what it shall
-- deliver to its channels: {"time", "deliveries"}, the latter as gateway.alert_json with "channel".
-- "time" is by Postgres' clock. p_clock: what time it is for the gateway.
create or replace function public.watch_alerts(
    p_seen jsonb, p_channels text[], p_gateway uuid, p_clock timestamptz
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    return jsonb_build_object('time', gateway.iso(clock_timestamp()))
    || gateway.watch_alerts_at(
        gateway.true_now(clock_timestamp(), p_clock), p_seen, p_channels, p_gateway
    );
end;
$$;
