create or replace function gateway.note_deliveries_at(p_now timestamptz, p_attempts jsonb)
returns jsonb
language plpgsql
as $$
declare
    v_noted integer;
begin
    update gateway.alert_deliveries as d
    set
        delivered_at = case when n.problem is null then p_now end,
        due_at = p_now + gateway.alert_pause(d.attempts),
        problem = left(n.problem, 200)
    from jsonb_to_recordset(p_attempts) as n (id uuid, channel text, problem text)
    where d.alert_id = n.id and d.channel = n.channel and d.delivered_at is null;
    get diagnostics v_noted = row_count;
    return jsonb_build_object('noted', v_noted);
end;
$$;
