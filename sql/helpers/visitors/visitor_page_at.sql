create or replace function gateway.visitor_page_at(
    p_now timestamptz,
    p_origin text,
    p_site uuid default null,
    p_address text default null,
    p_moment timestamptz default null
) returns jsonb
language plpgsql
as $$
declare
    v_key constant gateway.api_keys := gateway.site_key(p_site);
    v_claim constant jsonb := gateway.address_claim(p_address);
    v_reason text := gateway.page_refusal(p_now, v_key, p_origin);
    v_one record;
    v_wait integer;
begin
    if p_site is null and exists (
        select 1 from gateway.api_keys as k
        where gateway.page_refusal(p_now, k, p_origin) is null
    ) then
        return '{}';
    end if;
    if v_reason is null and v_claim is null then
        v_reason := 'visitor_unknown';
    end if;
    if v_reason is not null then
        return gateway.refusal(v_reason, '');
    end if;
    -- The network first: who has one makes no counters for more addresses than it may use.
    for v_one in
        select a.name, a.share
        from (values (v_claim ->> 'network', 16), (v_claim ->> 'address', 1)) as a (name, share)
        where a.name is not null
    loop
        v_wait := gateway.count_attempt(
            p_now,
            coalesce(p_moment, p_now),
            v_key.id,
            gateway.address_id(
                v_key.visitor_salt, gateway.day_of(p_now), 'attempts ' || v_one.name
            ),
            10 * v_one.share,
            100 * v_one.share
        );
        if v_wait is not null then
            return gateway.refusal('visitor_rate_limit_exceeded', '')
            || jsonb_build_object('retry_after_ms', v_wait);
        end if;
    end loop;
    return '{}';
end;
$$;
