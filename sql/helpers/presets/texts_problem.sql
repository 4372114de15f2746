-- What is wrong with a list of texts; null: nothing. p_entries and p_characters: the most of them.
create or replace function gateway.texts_problem(
    p_value jsonb, p_entries integer, p_characters integer
) returns text
language sql immutable parallel safe
return case
    when
        case
            when jsonb_typeof(p_value) is distinct from 'array' then true
            when jsonb_array_length(p_value) not between 1 and p_entries then true
            else exists (
                select 1 from jsonb_array_elements(p_value) as e (one)
                where
                    jsonb_typeof(e.one) <> 'string'
                    or length(e.one #>> '{}') not between 1 and p_characters
            )
        end
        then format(
            'should be a list of 1 to %s texts of 1 to %s characters', p_entries, p_characters
        )
end;
