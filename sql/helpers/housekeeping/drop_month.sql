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
