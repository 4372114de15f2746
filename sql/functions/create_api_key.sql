-- Make a key. Its hash is the caller's: the plain key never comes here. A second call with the same
-- hash gives the key that the first one made, so that a lost answer can be asked for again.
create or replace function public.create_api_key(
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
language sql
security definer
set search_path = ''
begin atomic
    select gateway.create_api_key_at(
        now(),
        p_key_hash,
        p_prefix,
        p_label,
        p_owner_email,
        p_rate_limit_per_min,
        p_monthly_token_limit,
        p_allowed_models,
        p_allowed_origins,
        p_scopes,
        p_expires_at,
        p_max_output_tokens,
        p_visitors
    );
end;
