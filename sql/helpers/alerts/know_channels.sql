-- A channel that was just set up, or is again after a week, is told of what comes, not of what was.
create or replace function gateway.know_channels(p_now timestamptz, p_channels text[])
returns void
language plpgsql
as $$
declare
    v_last constant bigint := coalesce((select max(a.number) from gateway.alerts as a), 0);
begin
    insert into gateway.alert_channels as c (channel, told_after, seen_at)
    select
        n.channel,
        v_last as told_after,
        p_now as seen_at
    from unnest(p_channels) as n (channel)
    on conflict (channel) do update
        set
            seen_at = p_now,
            told_after = case
                when c.seen_at < p_now - interval '7 days' then v_last else c.told_after
            end
        where c.seen_at not between p_now - interval '1 hour' and p_now;
end;
$$;
