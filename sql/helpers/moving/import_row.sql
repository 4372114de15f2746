-- Take one row in; false: it is there already, and is left as it is.
create or replace function gateway.import_row(p_kind text, p_row jsonb) returns boolean
language plpgsql
as $$
declare
    v_counter gateway.key_counters;
    v_log gateway.usage_logs;
begin
    case p_kind
        when 'keys' then
            insert into gateway.api_keys
            select k.*
            from jsonb_populate_record(
                null::gateway.api_keys,
                jsonb_build_object('visitor_salt', gen_random_uuid()) || p_row
            ) as k
            on conflict (id) do nothing;
            if found then -- of no month yet, so that the counter of the key may still come
                insert into gateway.key_counters (api_key_id, month_start)
                values ((p_row ->> 'id')::uuid, '-infinity');
            end if;
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
        when 'visitor_daily' then
            insert into gateway.visitor_daily
            select d.* from jsonb_populate_record(null::gateway.visitor_daily, p_row) as d
            on conflict (api_key_id, day, visitor) do nothing;
        when 'logs' then
            v_log := jsonb_populate_record(v_log, p_row);
            insert into gateway.usage_logs
            select v_log.*
            where not exists (
                select 1 from gateway.usage_logs as l where l.request_id = v_log.request_id
            );
        when 'presets' then
            insert into gateway.presets
            select p.* from jsonb_populate_record(null::gateway.presets, p_row) as p
            on conflict (name) do nothing;
        when 'preset_versions' then
            insert into gateway.preset_versions
            select v.* from jsonb_populate_record(null::gateway.preset_versions, p_row) as v
            inner join gateway.presets as p on v.name = p.name
            where v.version <= p.version -- of one that was there before, and has fewer
            on conflict (name, version) do nothing;
    end case;
    return found;
end;
$$;
