-- What is wrong with the description of a variable; null: nothing. It has the words of JSON Schema,
-- and bounds: {"type": "string", "maxLength": 80}, {"type": "integer", "minimum": 1, "maximum": 9},
-- the same with "number", or {"enum": ["red", "blue"]}.
create or replace function gateway.variable_problem(p_name text, p_schema jsonb) returns text
language sql immutable parallel safe
return case
    when p_name !~ '^[A-Za-z_][A-Za-z0-9_]{0,39}$'
        then 'has a name that is not 1 to 40 letters, digits and underscores'
    when jsonb_typeof(p_schema) <> 'object' then 'should be an object'
    when p_schema ? 'enum'
        then
            case
                when p_schema - '{type,enum}'::text[] <> '{}' or p_schema ->> 'type' <> 'string'
                    then 'has a field beside enum'
                else gateway.texts_problem(p_schema -> 'enum', 100, 200)
            end
    when p_schema ->> 'type' = 'string'
        then
            case
                when p_schema - '{type,maxLength}'::text[] <> '{}'
                    then 'has a field beside type and maxLength'
                else 'maxLength ' || gateway.number_problem(p_schema -> 'maxLength', 1, 10000, true)
            end
    when p_schema ->> 'type' in ('integer', 'number')
        then
            case
                when p_schema - '{type,minimum,maximum}'::text[] <> '{}'
                    then 'has a field beside type, minimum and maximum'
                else coalesce(
                    'minimum ' || gateway.number_problem(
                        p_schema -> 'minimum', -1e15, 1e15, p_schema ->> 'type' = 'integer'
                    ),
                    'maximum ' || gateway.number_problem(
                        p_schema -> 'maximum', -1e15, 1e15, p_schema ->> 'type' = 'integer'
                    ),
                    case
                        when (p_schema ->> 'minimum')::numeric > (p_schema ->> 'maximum')::numeric
                            then 'has a minimum above its maximum'
                    end
                )
            end
    else 'should be of the type string, integer or number, or have an enum'
end;
