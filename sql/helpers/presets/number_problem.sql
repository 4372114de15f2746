-- What is wrong with a number that should lie between two others; null: nothing.
create or replace function gateway.number_problem(
    p_value jsonb, p_least numeric, p_most numeric, p_whole boolean
) returns text
language sql immutable parallel safe
return case
    when
        case
            when jsonb_typeof(p_value) is distinct from 'number' then true
            when (p_value #>> '{}')::numeric not between p_least and p_most then true
            else p_whole and (p_value #>> '{}')::numeric % 1 <> 0
        end
        then format(
            'should be a %s from %s to %s',
            case when p_whole then 'whole number' else 'number' end,
            p_least,
            p_most
        )
end;
