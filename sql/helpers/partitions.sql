-- The months of the log. Who makes or drops a partition waits for everyone who writes to the log,
-- so it may hold no lock on holds or counters.

-- Have the log for this transaction alone. Those who come to write wait behind whoever waits here,
-- so that is given up soon (false): a reader of the whole log, as pg_dump is, must not stop all
-- settling. Longer than deadlock_timeout: Postgres then lets those pass who are waited for.
create or replace function gateway.lock_log() returns boolean
language plpgsql
set lock_timeout = '2s'
as $$
begin
    lock table gateway.usage_logs in access exclusive mode;
    return true;
exception
    when lock_not_available then
        return false;
end;
$$;

create or replace function gateway.partition_of(p_month timestamptz) returns text
language sql immutable parallel safe
return 'usage_logs_' || to_char(p_month at time zone 'UTC', 'YYYY_MM');

create or replace function gateway.has_partition(p_month timestamptz) returns boolean
language sql -- volatile: after a wait it sees what was made meanwhile
return to_regclass('gateway.' || gateway.partition_of(p_month)) is not null;

-- Make the partitions of those months that have none; how many. Each is filled before it is
-- attached, because the default one may have caught rows of its month. While the log is busy none
-- is made, and the default one goes on to catch them.
create or replace function gateway.ensure_partitions(p_months timestamptz[]) returns integer
language plpgsql
as $$
declare
    v_month timestamptz;
    v_name text;
    v_made integer := 0;
begin
    foreach v_month in array p_months loop
        continue when gateway.has_partition(v_month);
        exit when not gateway.lock_log();
        continue when gateway.has_partition(v_month); -- made while this call waited

        v_name := gateway.partition_of(v_month);
        execute format(
            'create table gateway.%I (like gateway.usage_logs including indexes)', v_name
        );
        execute format('alter table gateway.%I enable row level security', v_name);
        execute format('revoke all on table gateway.%I from public', v_name);
        execute format(
            'with moved as (
                delete from gateway.usage_logs_default
                where created_at >= $1 and created_at < $2
                returning *
            )
            insert into gateway.%I select * from moved', v_name
        ) using v_month, gateway.month_after(v_month);
        execute format(
            'alter table gateway.usage_logs attach partition gateway.%I
            for values from (%L) to (%L)', v_name, v_month, gateway.month_after(v_month)
        );
        v_made := v_made + 1;
    end loop;
    return v_made;
end;
$$;

-- The log's partitions of this month and the next; how many had to be made.
create or replace function gateway.ensure_partitions_at(p_now timestamptz) returns integer
language sql
return gateway.ensure_partitions(
    array[gateway.month_of(p_now), gateway.month_after(p_now)]
);

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

-- Whether the daily roll-up has all that the log has of a month, so that nothing is lost with it. A
-- settlement that comes in meanwhile adds the same to both.
create or replace function gateway.is_rolled_up(p_month timestamptz) returns boolean
language sql stable
begin atomic
    select not exists (
        select 1
        from (
            select
                gateway.day_of(l.created_at) as day,
                l.api_key_id,
                l.model,
                count(*) as requests,
                sum(l.prompt_tokens) as prompt_tokens,
                sum(l.completion_tokens) as completion_tokens,
                sum(l.total_tokens) as total_tokens,
                sum(l.charged_tokens) as charged_tokens
            from gateway.usage_logs as l
            where l.created_at >= p_month and l.created_at < gateway.month_after(p_month)
            group by 1, 2, 3
        ) as logged
        left join gateway.usage_daily as d
            on
                logged.day = d.day
                and logged.api_key_id = d.api_key_id
                and logged.model = d.model
                and logged.requests <= d.requests
                and logged.prompt_tokens <= d.prompt_tokens
                and logged.completion_tokens <= d.completion_tokens
                and logged.total_tokens <= d.total_tokens
                and logged.charged_tokens <= d.charged_tokens
        where d.day is null
    );
end;

-- Drop what the log has of a month. False: the log is busy, and nothing was dropped.
create or replace function gateway.drop_month(p_month timestamptz) returns boolean
language plpgsql
as $$
begin
    if not gateway.has_partition(p_month) then
        delete from gateway.usage_logs_default as d
        where d.created_at >= p_month and d.created_at < gateway.month_after(p_month);
        return true;
    end if;
    if not gateway.lock_log() then
        return false;
    end if;
    execute format('drop table gateway.%I', gateway.partition_of(p_month));
    return true;
end;
$$;
