-- What is wrong with a parameter of a preset; null: nothing.
create or replace function gateway.parameter_problem(p_name text, p_value jsonb) returns text
language sql immutable parallel safe
return case p_name
    when 'max_output_tokens' then gateway.number_problem(p_value, 1, 1000000000, true)
    when 'temperature' then gateway.number_problem(p_value, 0, 2, false)
    when 'top_p' then gateway.number_problem(p_value, 0, 1, false)
    when 'min_p' then gateway.number_problem(p_value, 0, 1, false)
    when 'top_k' then gateway.number_problem(p_value, 0, 100000, true)
    when 'seed' then gateway.number_problem(p_value, 0, 2147483647, true)
    when 'frequency_penalty' then gateway.number_problem(p_value, -2, 2, false)
    when 'presence_penalty' then gateway.number_problem(p_value, -2, 2, false)
    when 'stop' then gateway.texts_problem(p_value, 16, 100)
    when 'think'
        then
            case when jsonb_typeof(p_value) <> 'boolean' then 'should be true or false' end
    when 'format'
        then
            case
                when p_value <> '"json"' and jsonb_typeof(p_value) <> 'object'
                    then 'should be "json" or a JSON schema'
            end
    else
        'is unknown: the parameters are max_output_tokens, temperature, top_p, min_p, top_k, seed, '
        || 'frequency_penalty, presence_penalty, stop, think and format'
end;
