-- This gateway runs at p_now; how many of them do. One that has not swept for three minutes is
-- gone.
create or replace function gateway.note_gateway(p_now timestamptz, p_gateway uuid)
returns integer
language plpgsql
as $$
begin
    if p_gateway is not null then
        insert into gateway.gateways as g (id, seen_at) values (p_gateway, p_now)
        on conflict (id) do update set seen_at = excluded.seen_at;
    end if;
    delete from gateway.gateways as g
    where g.id in (
        select old.id
        from gateway.gateways as old
        where old.seen_at not between p_now - interval '3 minutes' and p_now + interval '3 minutes'
        for update skip locked -- two that come back at once never wait for each other
    );
    return (
        select count(*)
        from gateway.gateways as g
        where g.seen_at between p_now - interval '3 minutes' and p_now + interval '3 minutes'
    );
end;
$$;
