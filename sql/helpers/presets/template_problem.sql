-- What is wrong with a template and the variables that fill it; null: nothing. Each {{name}} in it
-- is a variable, and each variable stands in it.
create or replace function gateway.template_problem(p_template text, p_variables jsonb)
returns text
language sql immutable parallel safe
return (
    select
        case
            when v.name is null then format('has {{%s}}, which is no variable', t.name)
            else format('lacks {{%s}}', v.name)
        end
    from (
        select distinct m.found[1] as name
        from
            regexp_matches(p_template, '\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}', 'g') as m (found)
    ) as t
    full join jsonb_object_keys(p_variables) as v (name) on t.name = v.name
    where p_template is not null and (t.name is null or v.name is null)
    order by coalesce(t.name, v.name)
    limit 1
);
