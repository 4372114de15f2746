create or replace function gateway.update_api_key_at(
    p_now timestamptz, p_id uuid, p_changes jsonb
) returns jsonb
language plpgsql
as $$
declare
    v_key gateway.api_keys;
    v_unknown text;
    v_problem constant text := gateway.visitors_problem(p_changes -> 'visitors');
begin
    select min(c.name) into v_unknown
    from jsonb_object_keys(p_changes) as c (name)
    where c.name <> all('{
        label,owner_email,rate_limit_per_min,monthly_token_limit,
        max_output_tokens,allowed_models,allowed_origins,scopes,expires_at,visitors
    }'::text[]);
    if v_unknown is not null then
        return gateway.refusal('invalid', format('%s cannot be changed.', v_unknown));
    end if;

    if v_problem is not null then
        return gateway.refusal('invalid_visitors', v_problem);
    end if;

    select k.* into v_key from gateway.api_keys as k where k.id = p_id for update;
    if not found then
        return gateway.unknown_key();
    end if;
    v_key := jsonb_populate_record(v_key, p_changes);
    update gateway.api_keys as k
    set
        label = v_key.label,
        owner_email = v_key.owner_email,
        rate_limit_per_min = v_key.rate_limit_per_min,
        monthly_token_limit = v_key.monthly_token_limit,
        max_output_tokens = v_key.max_output_tokens,
        allowed_models = v_key.allowed_models,
        allowed_origins = nullif(v_key.allowed_origins, '{}'),
        scopes = v_key.scopes,
        expires_at = v_key.expires_at,
        visitors = gateway.tidy_visitors(v_key.visitors)
    where k.id = p_id
    returning k.* into v_key;
    return gateway.key_json(p_now, v_key);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;
