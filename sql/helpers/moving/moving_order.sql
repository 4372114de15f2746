-- The columns that put the rows of a kind in order and tell them apart, as they stand in a cursor.
-- Null: there is no such kind.
create or replace function gateway.moving_order(p_kind text) returns text[]
language sql immutable parallel safe
return case p_kind
    when 'keys' then '{created_at,id}'::text[]
    when 'retired_keys' then '{key_hash}'
    when 'counters' then '{api_key_id}'
    when 'daily' then '{api_key_id,day,model}'
    when 'visitor_daily' then '{api_key_id,day,visitor}'
    when 'logs' then '{created_at,request_id}'
    when 'presets' then '{name}'
    when 'preset_versions' then '{name,version}'
end;
