-- Why pages of this website get no tokens of the key, or null. A key without websites of its own
-- gives none: anybody's page would get them. Elsewhere nobody learns whether there is such a key.
create or replace function gateway.page_refusal(
    p_now timestamptz, p_key gateway.api_keys, p_origin text
) returns text
language sql immutable parallel safe
return case
    when not coalesce(p_origin = any((p_key).allowed_origins), false) then 'origin_not_allowed'
    else coalesce(
        gateway.key_refusal(
            p_now, p_key, array_to_string((p_key).scopes, ' '), p_origin, null
        ),
        case
            when not coalesce((p_key).visitors -> 'by' ? 'token', false)
                then 'visitors_by_token_off'
        end
    )
end;
