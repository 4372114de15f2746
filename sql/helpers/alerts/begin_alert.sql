-- Something holds, at this level. It makes an alert if that is higher than what was told, or if
-- nobody has seen it for p_again (null: of keys, which everybody sees alike). p_told: the owner
-- knows of it already.
create or replace function gateway.begin_alert(
    p_now timestamptz,
    p_topic text,
    p_kind text,
    p_level integer,
    p_about jsonb,
    p_again interval default null,
    p_gateway uuid default null,
    p_told boolean default false
) returns boolean
language plpgsql
as $$
begin
    insert into gateway.alert_conditions as c (topic, level, since, seen_at, seen_by)
    values (p_topic, p_level, p_now, p_now, p_gateway)
    on conflict (topic) do update
        set level = excluded.level, since = p_now, seen_at = p_now, seen_by = excluded.seen_by
        where
            (
                c.level < excluded.level
                and (
                    c.level > 0
                    or p_again is null
                    or c.seen_at not between p_now - gateway.alert_rest() and p_now
                )
            )
            or c.seen_at not between p_now - p_again and p_now + p_again;
    if not found then
        update gateway.alert_conditions as c
        set seen_at = p_now, seen_by = p_gateway
        where c.topic = p_topic and c.level > 0;
        return false;
    end if;
    if not p_told then
        insert into gateway.alerts (made_at, kind, state, level, about)
        values (p_now, p_kind, 'began', p_level, p_about);
    end if;
    return true;
end;
$$;
