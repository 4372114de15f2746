-- A channel that was just set up is told of what comes, not of what was.
create or replace function gateway.know_channels(p_channels text[]) returns void
language sql
begin atomic
    insert into gateway.alert_channels (channel, told_after)
    select
        c.channel,
        coalesce((select max(a.number) from gateway.alerts as a), 0) as told_after
    from unnest(p_channels) as c (channel)
    on conflict do nothing;
end;
