-- What is wrong with the visitors of a key, for who sets them; null: nothing. They are
-- {"by": ["address"|"token"|"issuer", …], "tokens_per_day", "requests_per_min",
-- "max_output_tokens", "issuer", "audience", "anonymous": {limits} | null,
-- "plans": {name: {limits}}, "keep_names": boolean}. What is left out, or null, is no limit.
create or replace function gateway.visitors_problem(p_visitors jsonb) returns text
language plpgsql immutable parallel safe
as $$
declare
    v_by constant jsonb := p_visitors -> 'by';
    v_plan record;
    v_problem text;
begin
    if p_visitors is null or jsonb_typeof(p_visitors) = 'null' then
        return null;
    end if;
    v_problem := gateway.limits_problem(
        p_visitors, 'visitors', '{by,issuer,audience,anonymous,plans,keep_names}'
    );
    if v_problem is not null then
        return v_problem;
    end if;
    if jsonb_typeof(v_by) is distinct from 'array' or v_by = '[]'
        or not v_by <@ '["address", "token", "issuer"]'
        or jsonb_array_length(v_by) > (
            select count(distinct b.name) from jsonb_array_elements(v_by) as b (name)
        )
    then
        return 'visitors.by should be a list of some of: address, token, issuer, each once.';
    end if;
    if v_by ? 'issuer' then
        if not coalesce(
            p_visitors ->> 'issuer' ~ '^https?://[^\s/?#@]+[^\s?#@]*$'
            and length(p_visitors ->> 'issuer') <= 300
            and jsonb_typeof(p_visitors -> 'audience') = 'string'
            and length(p_visitors ->> 'audience') between 1 and 300,
            false
        ) then
            return 'visitors.issuer should be the address of who signs the tokens, as their "iss" '
            || 'has it, and visitors.audience what their "aud" has.';
        end if;
    elsif jsonb_path_exists(p_visitors, '$.keyvalue() ? (@.value != null).key ? (
        @ == "issuer" || @ == "audience" || @ == "anonymous" || @ == "plans"
    )') then
        return 'visitors.issuer, audience, anonymous and plans need "issuer" among visitors.by.';
    end if;
    if jsonb_typeof(p_visitors -> 'keep_names') not in ('boolean', 'null') then
        return 'visitors.keep_names should be true or false.';
    end if;
    if jsonb_typeof(p_visitors -> 'anonymous') <> 'null' then
        v_problem := gateway.limits_problem(p_visitors -> 'anonymous', 'visitors.anonymous');
    end if;
    if v_problem is null and jsonb_typeof(p_visitors -> 'plans') <> 'null' then
        if jsonb_typeof(p_visitors -> 'plans') <> 'object' then
            return 'visitors.plans should be an object.';
        end if;
        for v_plan in
            select p.name, p.limits from jsonb_each(p_visitors -> 'plans') as p (name, limits)
        loop
            v_problem := coalesce(
                v_problem,
                case
                    when v_plan.name !~ '^[a-z0-9_-]{1,50}$' then
                        'The name of a plan should have 1 to 50 of a-z, 0-9, - and _.'
                end,
                gateway.limits_problem(v_plan.limits, 'visitors.plans.' || v_plan.name)
            );
        end loop;
        if length((p_visitors -> 'plans')::text) > 10000 then
            return 'visitors.plans should have fewer plans.';
        end if;
    end if;
    return v_problem;
end;
$$;
