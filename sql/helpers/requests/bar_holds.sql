-- Where a gateway never heard whether a request was let through, its asking may still be under way
-- while it is settled: a row of nobody's takes the place of the hold, which would stay for its
-- time-to-live. Whoever inserts here waits for an asking that is about to end.
create or replace function gateway.bar_holds(p_now timestamptz, p_settlements jsonb) returns void
language plpgsql
as $$
begin
    insert into gateway.holds (
        request_id, api_key_id, authorized_at, expires_at, released_at, tokens, granted,
        model, endpoint
    )
    select s.request_id, gateway.nobody(), p_now, p_now, p_now, 0, 0, '', ''
    from jsonb_to_recordset(p_settlements) as s (request_id uuid, key_id uuid, lent boolean)
    where s.key_id is null or s.lent
    order by s.request_id
    on conflict (request_id) do nothing;
end;
$$;
