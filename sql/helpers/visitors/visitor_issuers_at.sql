create or replace function gateway.visitor_issuers_at(p_now timestamptz) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'data',
            coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'key_id', k.id,
                        'issuer', k.visitors ->> 'issuer',
                        'audience', k.visitors ->> 'audience'
                    )
                    order by k.created_at, k.id
                ),
                '[]'
            )
        )
    from gateway.api_keys as k
    where
        k.visitors -> 'by' ? 'issuer'
        and k.is_active
        and k.revoked_at is null
        and coalesce(k.expires_at > p_now, true);
end;
