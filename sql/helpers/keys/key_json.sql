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
            'visitors', (p_key).visitors,
            'is_active', (p_key).is_active,
            'created_at', gateway.iso((p_key).created_at),
            'expires_at', gateway.iso((p_key).expires_at),
            'last_used_at', gateway.iso((n.counter).last_used_at),
            'revoked_at', gateway.iso((p_key).revoked_at)
        )
    from (select gateway.read_counter(p_now, (p_key).id) as counter offset 0) as n;
end;
