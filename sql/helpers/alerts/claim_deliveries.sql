-- The deliveries that the caller shall attempt now, a few at most: those first that were attempted
-- least, oldest first. Nobody else gets them before the lease is over.
create or replace function gateway.claim_deliveries(p_now timestamptz, p_channels text[])
returns jsonb
language plpgsql
as $$
declare
    v_claimed jsonb;
begin
    with due as (
        select a.id, c.channel
        from gateway.alert_channels as c
        inner join gateway.alerts as a on a.number > c.told_after
        left join gateway.alert_deliveries as d on a.id = d.alert_id and c.channel = d.channel
        where
            c.channel = any(p_channels)
            and (
                d.alert_id is null
                or (d.delivered_at is null and gateway.is_due(p_now, d.due_at))
            )
        order by coalesce(d.attempts, 0), a.number, c.channel
        limit 5
    ),

    claimed as (
        insert into gateway.alert_deliveries as d (alert_id, channel, attempts, due_at)
        select due.id, due.channel, 1, p_now + gateway.alert_lease()
        from due
        on conflict (alert_id, channel) do update
            set attempts = d.attempts + 1, due_at = excluded.due_at
            where d.delivered_at is null and gateway.is_due(p_now, d.due_at)
        returning d.alert_id, d.channel
    )

    select jsonb_agg(gateway.alert_json(a) || jsonb_build_object('channel', c.channel)
        order by a.number, c.channel
    )
    into v_claimed
    from claimed as c
    inner join gateway.alerts as a on c.alert_id = a.id;
    return coalesce(v_claimed, '[]');
end;
$$;
