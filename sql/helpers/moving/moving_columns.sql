-- All that a row of a kind has. Of the counters only what was used: what is held, and the rate
-- window, belong to requests that run now.
create or replace function gateway.moving_columns(p_kind text) returns text[]
language sql stable parallel safe
return case
    when p_kind = 'counters' then '{api_key_id,month_start,tokens_used,requests,last_used_at}'
    else (
        select array_agg(a.attname::text order by a.attname)
        from pg_catalog.pg_attribute as a
        where
            a.attrelid = case p_kind
                when 'keys' then 'gateway.api_keys'::regclass
                when 'retired_keys' then 'gateway.retired_keys'::regclass
                when 'daily' then 'gateway.usage_daily'::regclass
                when 'visitor_daily' then 'gateway.visitor_daily'::regclass
                when 'logs' then 'gateway.usage_logs'::regclass
                when 'presets' then 'gateway.presets'::regclass
                when 'preset_versions' then 'gateway.preset_versions'::regclass
            end
            and a.attnum > 0
            and not a.attisdropped
    )
end;
