-- A key for development, on the stack that `supabase start` runs on one's own machine, and nowhere
-- else: only that stack has this secret, which the CLI gives to everybody. The key is
--     llm_LocalDevelopmentKeyNotSafe29fGOb
-- and here stand its hash and the part of it that lists show.

do $$
begin
    if current_setting('app.settings.jwt_secret', true)
        = 'super-secret-jwt-token-with-at-least-32-characters-long'
    then
        perform public.create_api_key(
            p_key_hash => '2b09267625981b0750158d751e5da05efc19d54816417791b11cdd5955b44286',
            p_prefix => 'llm_Loca',
            p_label => 'development',
            p_owner_email => null,
            p_rate_limit_per_min => 1000,
            p_monthly_token_limit => 1000000000,
            p_allowed_models => null,
            p_allowed_origins => null,
            p_scopes => '{chat,embeddings,models:read,models:pull}',
            p_expires_at => null
        );
    end if;
end;
$$;
