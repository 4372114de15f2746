-- One gateway at a time: what it read is what holds when it writes.
create or replace function gateway.watch_alerts_at(
    p_now timestamptz, p_seen jsonb, p_channels text[], p_gateway uuid
) returns jsonb
language plpgsql
as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('gateway.watch_alerts', 0));
    perform gateway.know_channels(p_now, p_channels);
    perform gateway.note_seen(p_now, p_seen, p_gateway);
    perform gateway.watch_keys(p_now);
    return jsonb_build_object('deliveries', gateway.claim_deliveries(p_now, p_channels));
end;
$$;
