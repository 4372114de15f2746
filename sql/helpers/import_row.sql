-- Take one exported row in; false if it is there already, and then nothing is changed. An error says
-- what is wrong with it.

create or replace function gateway.import_row(p_now timestamptz, p_kind text, p_row jsonb)
returns boolean
language plpgsql
as $$
declare
    v_counter gateway.key_counters;
    v_log gateway.usage_logs;
begin
    perform gateway.check_row(p_now, p_kind, p_row);
    case p_kind
        when 'keys' then
            insert into gateway.api_keys
            select k.* from jsonb_populate_record(null::gateway.api_keys, p_row) as k
            on conflict (id) do nothing;
            if found then -- a counter of no month, until that of the key comes or it is used
                insert into gateway.key_counters (api_key_id, month_start)
                values ((p_row ->> 'id')::uuid, '-infinity');
                return true;
            end if;
            return false;
        when 'retired_keys' then
            insert into gateway.retired_keys
            select r.* from jsonb_populate_record(null::gateway.retired_keys, p_row) as r
            on conflict (key_hash) do nothing;
        when 'counters' then
            v_counter := jsonb_populate_record(v_counter, p_row);
            update gateway.key_counters as c
            set
                month_start = v_counter.month_start,
                tokens_used = v_counter.tokens_used,
                requests = v_counter.requests,
                last_used_at = v_counter.last_used_at
            where c.api_key_id = v_counter.api_key_id and c.month_start = '-infinity';
        when 'daily' then
            insert into gateway.usage_daily
            select d.* from jsonb_populate_record(null::gateway.usage_daily, p_row) as d
            on conflict (api_key_id, day, model) do nothing;
        when 'logs' then
            v_log := jsonb_populate_record(v_log, p_row);
            insert into gateway.usage_logs
            select v_log.*
            where not exists (
                select 1 from gateway.usage_logs as l where l.request_id = v_log.request_id
            );
    end case;
    return found;
end;
$$;

-- What no constraint of a table says. Raises what is wrong, in words for people.
create or replace function gateway.check_row(p_now timestamptz, p_kind text, p_row jsonb)
returns void
language plpgsql
as $$
declare
    v_unknown text;
    v_month timestamptz;
begin
    select min(f.name) into v_unknown
    from jsonb_object_keys(p_row) as f (name)
    where f.name <> all(gateway.moving_columns(p_kind));
    if v_unknown is not null then
        raise data_exception using message = format('%s is not a column of it', v_unknown);
    end if;
    if jsonb_path_exists(p_row, '$.* ? (@ < 0)') then
        raise data_exception using message = 'a number is negative';
    end if;
    if p_kind <> 'keys' and not exists (
        select 1 from gateway.api_keys as k where k.id = (p_row ->> 'api_key_id')::uuid
    ) then
        raise data_exception using message = 'there is no key with its api_key_id';
    end if;
end;
$$;
