-- The months that the log has, by the names of their partitions. Those that come last have none:
-- the default one has caught rows of them.
create or replace function gateway.log_months()
returns table (month timestamptz, name text)
language sql stable
begin atomic
    select
        make_timestamptz(
            split_part(c.relname, '_', 3)::integer,
            split_part(c.relname, '_', 4)::integer,
            1, 0, 0, 0, 'UTC'
        ) as month,
        c.relname::text as name
    from pg_catalog.pg_inherits as i
    inner join pg_catalog.pg_class as c on i.inhrelid = c.oid
    where
        i.inhparent = 'gateway.usage_logs'::regclass
        and c.relname ~ '^usage_logs_[0-9]{4,}_[0-9]{2}$'
    union all
    select
        caught.month,
        'usage_logs_default (' || to_char(caught.month at time zone 'UTC', 'YYYY-MM') || ')' as name
    from (
        select distinct gateway.month_of(d.created_at) as month
        from gateway.usage_logs_default as d
    ) as caught
    order by 2;
end;
