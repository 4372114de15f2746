-- Something is over for a gateway. That makes an alert, unless another gateway saw it hold in the
-- last minutes. p_told: the owner knows already.
create or replace function gateway.end_alert(
    p_now timestamptz,
    p_topic text,
    p_kind text,
    p_about jsonb,
    p_gateway uuid,
    p_told boolean default false
) returns boolean
language plpgsql
as $$
declare
    v_ended gateway.alert_conditions;
begin
    delete from gateway.alert_conditions as c
    where
        c.topic = p_topic
        and (
            c.seen_by is not distinct from p_gateway
            or c.seen_at not between p_now - interval '3 minutes' and p_now + interval '3 minutes'
        )
    returning c.* into v_ended;
    if v_ended.topic is null then
        return false;
    end if;
    if not p_told then
        insert into gateway.alerts (made_at, kind, state, level, about)
        values (
            p_now,
            p_kind,
            'over',
            v_ended.level,
            p_about || jsonb_build_object('since', gateway.iso(v_ended.since))
        );
    end if;
    return true;
end;
$$;
