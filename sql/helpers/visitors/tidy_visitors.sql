-- The visitors of a key as they are stored: whole numbers are written as such, and what is null is
-- left out.
create or replace function gateway.tidy_visitors(p_visitors jsonb) returns jsonb
language plpgsql immutable parallel safe
as $$
begin
    return case jsonb_typeof(p_visitors)
        when 'object' then (
            select
                coalesce(jsonb_object_agg(v.name, gateway.tidy_visitors(v.value)), '{}')
            from jsonb_each(p_visitors) as v (name, value)
            where jsonb_typeof(v.value) <> 'null'
        )
        when 'number' then to_jsonb(trim_scale(p_visitors::numeric))
        when 'null' then null
        else p_visitors
    end;
end;
$$;
