-- What is wrong with the limits of visitors, for who sets them; null: nothing. p_where: what they
-- are called.
create or replace function gateway.limits_problem(
    p_limits jsonb, p_where text, p_others text[] default '{}'
) returns text
language sql immutable parallel safe
return case
    when jsonb_typeof(p_limits) <> 'object' then p_where || ' should be an object.'
    else (
        select
            case
                when b.most is null then format('%s.%s is not known.', p_where, l.name)
                else format(
                    '%s.%s should be a whole number from 1 to %s, or null.', p_where, l.name, b.most
                )
            end
        from jsonb_each(p_limits) as l (name, value)
        left join (
            values
            ('tokens_per_day', 1000000000000),
            ('requests_per_min', 1000000),
            ('max_output_tokens', 1000000000)
        ) as b (name, most) on b.name = l.name
        where
            l.name <> all(p_others)
            and (
                b.most is null
                or case jsonb_typeof(l.value)
                    when 'null' then false
                    when 'number'
                        then
                            l.value::numeric not between 1 and b.most
                            or l.value::numeric <> trunc(l.value::numeric)
                    else true
                end
            )
        order by l.name
        limit 1
    )
end;
