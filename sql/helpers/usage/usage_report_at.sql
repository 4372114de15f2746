create or replace function gateway.usage_report_at(
    p_now timestamptz, p_key_id uuid, p_from date, p_to date, p_group_by text[] default null
) returns jsonb
language plpgsql stable
as $$
declare
    v_key gateway.api_keys;
    v_counter gateway.key_counters;
    v_usage jsonb;
begin
    select k.* into v_key from gateway.api_keys as k where k.id = p_key_id;
    if not found then
        return gateway.unknown_key();
    end if;
    v_counter := gateway.read_counter(p_now, p_key_id);
    v_usage := gateway.added_up_usage(
        p_now, p_key_id, p_from, p_to, coalesce(p_group_by, '{day,model}'), 'daily'
    );
    if p_group_by is null then
        v_usage := jsonb_build_object('by_day', v_usage -> 'data');
    end if;
    return jsonb_build_object(
        'key', jsonb_build_object(
            'id', v_key.id, 'label', v_key.label, 'prefix', v_key.prefix
        ),
        'limits', jsonb_build_object(
            'rate_limit_per_min', v_key.rate_limit_per_min,
            'monthly_token_limit', v_key.monthly_token_limit
        ),
        'month', jsonb_build_object(
            'tokens_used', v_counter.tokens_used,
            'tokens_held', v_counter.tokens_held,
            'tokens_remaining', greatest(
                0, gateway.tokens_left(v_key, v_counter, v_counter.month_start)
            ),
            'requests', v_counter.requests,
            'resets_at', gateway.iso(gateway.month_after(v_counter.month_start))
        )
    ) || v_usage;
end;
$$;
