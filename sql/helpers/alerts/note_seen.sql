-- What a gateway sees of the machines around it: an element of p_seen is {"topic", "kind", "holds",
-- "about", "told"}. Its topics cannot be those of keys.
create or replace function gateway.note_seen(p_now timestamptz, p_seen jsonb, p_gateway uuid)
returns void
language plpgsql
as $$
declare
    v_one record;
begin
    for v_one in
        select s.*, 'seen/' || left(s.topic, 500) as full_topic
        from jsonb_to_recordset(p_seen) as s (
            topic text, kind text, holds boolean, about jsonb, told boolean
        )
    loop
        if v_one.holds then
            perform gateway.begin_alert(
                p_now,
                v_one.full_topic,
                v_one.kind,
                1,
                v_one.about,
                case v_one.kind
                    when 'guesses' then interval '1 hour'
                    else interval '1 day'
                end,
                p_gateway,
                coalesce(v_one.told, false)
            );
        else
            perform gateway.end_alert(
                p_now,
                v_one.full_topic,
                v_one.kind,
                v_one.about,
                p_gateway,
                coalesce(v_one.told, false)
            );
        end if;
    end loop;
end;
$$;
