-- What is stored of a visitor: the first half of a SHA-256. It does not tell who the site means,
-- and no two sites have an id in common.
create or replace function gateway.visitor_id(p_secret uuid, p_kind text, p_name text)
returns uuid
language sql immutable parallel safe
return encode(
    substring(
        sha256(convert_to(concat_ws(' ', p_secret, p_kind, p_name), 'UTF8')) from 1 for 16
    ),
    'hex'
)::uuid;
