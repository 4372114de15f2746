-- Alerts of the keys that have come further than was told. Where a limit was raised, a level can be
-- reached again.
create or replace function gateway.watch_keys(p_now timestamptz) returns void
language plpgsql
as $$
declare
    v_key record;
begin
    for v_key in
        select l.*, coalesce(c.level, 0) as told
        from gateway.key_levels(p_now) as l
        left join gateway.alert_conditions as c on l.topic = c.topic
        where l.level <> coalesce(c.level, 0)
    loop
        if v_key.level > v_key.told then
            perform gateway.begin_alert(
                p_now, v_key.topic, v_key.kind, v_key.level, v_key.about
            );
        else
            update gateway.alert_conditions as c
            set level = v_key.level
            where c.topic = v_key.topic;
        end if;
    end loop;
end;
$$;
