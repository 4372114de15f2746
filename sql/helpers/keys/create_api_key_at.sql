create or replace function gateway.create_api_key_at(
    p_now timestamptz,
    p_key_hash text,
    p_prefix text,
    p_label text,
    p_owner_email text,
    p_rate_limit_per_min integer,
    p_monthly_token_limit bigint,
    p_allowed_models text[],
    p_allowed_origins text[],
    p_scopes text[],
    p_expires_at timestamptz,
    p_max_output_tokens integer default null,
    p_visitors jsonb default null
) returns jsonb
language plpgsql
as $$
declare
    v_key gateway.api_keys;
    v_problem constant text := gateway.visitors_problem(p_visitors);
begin
    if v_problem is not null then
        return gateway.refusal('invalid_visitors', v_problem);
    end if;
    insert into gateway.api_keys as k (
        key_hash,
        prefix,
        label,
        owner_email,
        rate_limit_per_min,
        monthly_token_limit,
        allowed_models,
        allowed_origins,
        scopes,
        created_at,
        expires_at,
        max_output_tokens,
        visitors
    ) values (
        p_key_hash,
        p_prefix,
        p_label,
        p_owner_email,
        p_rate_limit_per_min,
        p_monthly_token_limit,
        p_allowed_models,
        nullif(p_allowed_origins, '{}'),
        coalesce(p_scopes, '{chat,embeddings,models:read}'),
        p_now,
        p_expires_at,
        p_max_output_tokens,
        gateway.tidy_visitors(p_visitors)
    ) on conflict (key_hash) do nothing
    returning k.* into v_key;
    if found then
        insert into gateway.key_counters (api_key_id, month_start)
        values (v_key.id, gateway.month_of(p_now));
    else
        select k.* into v_key from gateway.api_keys as k where k.key_hash = p_key_hash;
    end if;
    return gateway.key_json(p_now, v_key);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;
