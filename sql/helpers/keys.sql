-- What a key is and may do at a moment.

-- The key with this hash, or the one that replaced it while its grace lasts, or null.
create or replace function gateway.find_key(p_now timestamptz, p_key_hash text)
returns gateway.api_keys
language plpgsql stable
as $$
declare
    v_key gateway.api_keys;
begin
    select k.* into v_key from gateway.api_keys as k where k.key_hash = p_key_hash;
    if not found then
        select k.* into v_key
        from gateway.retired_keys as r
        inner join gateway.api_keys as k on r.api_key_id = k.id
        where r.key_hash = p_key_hash and r.valid_until > p_now;
    end if;
    return v_key;
end;
$$;

-- Whether a model is one of those that a key may use, all in canonical form. In an entry `*` stands
-- for any run of characters; no other character is more than itself. Null: one was not given. An
-- entry that is null allows nothing.
-- gateway/core/model_names.py has a twin; tests/vectors/allowed_models.json holds both to the same answers.
create or replace function gateway.model_allowed(p_model text, p_allowed text[]) returns boolean
language sql immutable strict parallel safe
return (
    select
        bool_or(
            a.entry is not null
            and p_model like replace(regexp_replace(a.entry, '([\\%_])', '\\\1', 'g'), '*', '%')
        )
    from unnest(p_allowed) as a (entry)
);

-- Why a key may not do this, or null. p_scope: every scope that it needs, with spaces between. A
-- null origin or model is not checked. The website comes first: one where the key may not be used
-- learns nothing else of it.
create or replace function gateway.key_refusal(
    p_now timestamptz, p_key gateway.api_keys, p_scope text, p_origin text, p_model text
) returns text
language sql immutable parallel safe
return case
    when (p_key).id is null then 'invalid_api_key'
    when (p_key).revoked_at is not null or not (p_key).is_active then 'key_revoked'
    when (p_key).expires_at <= p_now then 'key_expired'
    when p_origin <> all(array_remove(nullif((p_key).allowed_origins, '{}'), null))
        then 'origin_not_allowed'
    when p_scope = '' or not string_to_array(p_scope, ' ') <@ (p_key).scopes then 'scope_missing'
    when not gateway.model_allowed(p_model, (p_key).allowed_models) then 'model_not_allowed'
end;

-- The counters as they are at p_now: of this month, with the window moved on.
create or replace function gateway.counter_at(
    p_now timestamptz, p_counter gateway.key_counters
) returns gateway.key_counters
language plpgsql stable
as $$
declare
    v_month constant timestamptz := gateway.month_of(p_now);
    v_bucket constant bigint := gateway.bucket_of(p_now);
begin
    if p_counter.month_start < v_month then
        p_counter.month_start := v_month;
        p_counter.tokens_used := 0;
        p_counter.tokens_held := 0;
        p_counter.requests := 0;
    end if;
    p_counter.window_counts := gateway.shift_window(
        p_counter.window_counts, p_counter.bucket, v_bucket
    );
    p_counter.bucket := gateway.newest_bucket(p_counter.bucket, v_bucket);
    return p_counter;
end;
$$;

-- The counters of a key as they are at p_now.
create or replace function gateway.read_counter(p_now timestamptz, p_key_id uuid)
returns gateway.key_counters
language plpgsql -- volatile: each read sees what was committed until then
as $$
declare
    v_counter gateway.key_counters;
begin
    select c.* into v_counter from gateway.key_counters as c where c.api_key_id = p_key_id;
    return gateway.counter_at(p_now, v_counter);
end;
$$;

-- A key as administrators see it: never its hash.
create or replace function gateway.key_json(p_now timestamptz, p_key gateway.api_keys)
returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'id', (p_key).id,
            'label', (p_key).label,
            'prefix', (p_key).prefix,
            'owner_email', (p_key).owner_email,
            'rate_limit_per_min', (p_key).rate_limit_per_min,
            'monthly_token_limit', (p_key).monthly_token_limit,
            'max_output_tokens', (p_key).max_output_tokens,
            'tokens_used_month', (n.counter).tokens_used,
            'month_reset_at', gateway.iso(gateway.month_after((n.counter).month_start)),
            'allowed_models', (p_key).allowed_models,
            'allowed_origins', (p_key).allowed_origins,
            'scopes', (p_key).scopes,
            'is_active', (p_key).is_active,
            'created_at', gateway.iso((p_key).created_at),
            'expires_at', gateway.iso((p_key).expires_at),
            'last_used_at', gateway.iso((n.counter).last_used_at),
            'revoked_at', gateway.iso((p_key).revoked_at)
        )
    from (select gateway.read_counter(p_now, (p_key).id) as counter offset 0) as n;
end;

-- A refusal of an administration function. p_detail is for people.
create or replace function gateway.refusal(p_reason text, p_detail text) returns jsonb
language sql immutable parallel safe
return jsonb_build_object('refusal', p_reason, 'detail', p_detail);

-- What a broken constraint says: its name is a sentence.
create or replace function gateway.invalid(p_error text) returns jsonb
language sql immutable parallel safe
return gateway.refusal(
    'invalid', coalesce(translate(substring(p_error from 'constraint "(.*)"'), '_', ' '), p_error)
);

create or replace function gateway.unknown_key() returns jsonb
language sql immutable parallel safe
return gateway.refusal('not_found', 'There is no key with this id.');
