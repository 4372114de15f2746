-- One filter as a condition of the statement, with its value written out; null: there is no such.
create or replace function gateway.log_condition(p_name text, p_value text) returns text
language sql immutable parallel safe
return case p_name
    when 'ids' then format(' and l.request_id = any(%L::uuid[])', translate(p_value, '[]"', '{}'))
    when 'api_key_id' then format(' and l.api_key_id = %L::uuid', p_value)
    when 'visitor' then format(' and l.visitor = %L::uuid', p_value)
    when 'model' then format(' and l.model = %L', p_value)
    when 'status' then format(' and l.status = %L', p_value)
    when 'usage_source' then format(' and l.usage_source = %L', p_value)
    when 'route' then format(' and l.endpoint = %L', p_value)
    when 'from' then format(' and l.created_at >= %L::timestamptz', p_value)
    when 'to' then format(' and l.created_at < %L::timestamptz', p_value)
end;
