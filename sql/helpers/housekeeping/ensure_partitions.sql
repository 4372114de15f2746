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
