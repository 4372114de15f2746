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
