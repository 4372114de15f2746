create or replace function gateway.list_alerts_at(p_now timestamptz, p_limit integer)
returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'data', coalesce(jsonb_agg(l.told order by l.number desc), '[]')
        )
    from (
        select
            a.number,
            gateway.alert_json(a) || jsonb_build_object(
                'deliveries',
                coalesce(
                    (
                        select
                            jsonb_agg(
                                jsonb_build_object(
                                    'channel', d.channel,
                                    'attempts', d.attempts,
                                    'delivered_at', gateway.iso(d.delivered_at),
                                    'problem', d.problem,
                                    'next_attempt_at',
                                    case
                                        when d.delivered_at is null
                                            then gateway.iso(greatest(d.due_at, p_now))
                                    end
                                )
                                order by d.channel
                            )
                        from gateway.alert_deliveries as d
                        where d.alert_id = a.id
                    ),
                    '[]'
                )
            ) as told
        from gateway.alerts as a
        order by a.number desc
        limit least(greatest(coalesce(p_limit, 50), 1), 1000)
    ) as l;
end;
