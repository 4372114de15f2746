-- Why the token of a visitor may not do this, or null, as where there is none. It narrows what its
-- key may do.
create or replace function gateway.token_refusal(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_token gateway.visitor_tokens,
    p_origin text,
    p_model text
) returns text
language sql immutable parallel safe
return case
    when (p_token).token_hash is null then null
    when (p_token).expires_at <= p_now or not coalesce((p_key).visitors -> 'by' ? 'token', false)
        then 'visitor_token_expired'
    when (p_token).origin is not null and p_origin is distinct from (p_token).origin
        then 'origin_not_allowed'
    when p_model <> all((p_token).models) then 'model_not_allowed'
    when (p_token).uses_left < 1 then 'visitor_token_used_up'
end;
