-- The log's partitions of this month and the next; how many had to be made. A new one is filled
-- before it is attached, because the default one may have caught rows of its month. Who makes one
-- waits for everyone who writes to the log, so it may hold no lock on holds or counters.

create or replace function gateway.ensure_partitions_at(p_now timestamptz) returns integer
language plpgsql
as $$
declare
    v_from timestamptz := gateway.month_of(p_now);
    v_to timestamptz;
    v_name text;
    v_made integer := 0;
begin
    for v_count in 1..2 loop
        v_to := gateway.month_after(v_from);
        v_name := 'usage_logs_' || to_char(v_from at time zone 'UTC', 'YYYY_MM');
        if to_regclass('gateway.' || v_name) is null then
            lock table gateway.usage_logs in access exclusive mode;
            if to_regclass('gateway.' || v_name) is null then
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
                ) using v_from, v_to;
                execute format(
                    'alter table gateway.usage_logs attach partition gateway.%I
                    for values from (%L) to (%L)', v_name, v_from, v_to
                );
                v_made := v_made + 1;
            end if;
        end if;
        v_from := v_to;
    end loop;
    return v_made;
end;
$$;
