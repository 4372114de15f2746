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
    v_since timestamptz;
begin
    update gateway.alert_conditions as c
    set level = 0, seen_at = p_now
    where
        c.topic = p_topic
        and c.level > 0
        and (
            c.seen_by is not distinct from p_gateway
            or c.seen_at not between p_now - interval '3 minutes' and p_now + interval '3 minutes'
        )
    returning c.since into v_since;
    if v_since is null then
        return false;
    end if;
    if not p_told then
        insert into gateway.alerts (made_at, kind, state, level, about)
        values (
            p_now,
            p_kind,
            'over',
            1,
            p_about || jsonb_build_object('since', gateway.iso(v_since))
        );
    end if;
    return true;
end;
$$;
