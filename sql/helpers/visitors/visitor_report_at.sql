create or replace function gateway.visitor_report_at(
    p_now timestamptz,
    p_key_hash text,
    p_scope text,
    p_origin text,
    p_claim jsonb,
    p_from date,
    p_to date
) returns jsonb
language plpgsql
as $$
declare
    v_caller constant gateway.caller := gateway.find_caller(
        p_now,
        gateway.find_key(p_now, p_key_hash),
        p_key_hash,
        p_scope,
        p_origin,
        null,
        p_claim
    );
    v_key_id constant uuid := (v_caller.key).id;
    v_visitor constant gateway.visitor := v_caller.visitor;
    v_verdict gateway.visitor_verdict;
    v_counter gateway.visitor_counters;
begin
    if v_caller.refusal is not null or v_visitor.id is null then
        return gateway.refusal(coalesce(v_caller.refusal, 'not_found'), '');
    end if;
    v_verdict := gateway.visitor_verdict_at(p_now, p_now, v_key_id, v_visitor);
    v_counter := gateway.visitor_counter_at(
        p_now,
        p_now,
        v_key_id,
        row(v_visitor.id, false, null, null)::gateway.visitor_limit
    );
    return jsonb_build_object(
        'limits', jsonb_build_object(
            'requests_per_min', v_verdict.rate_limit, 'tokens_per_day', v_verdict.token_limit
        ),
        'day', jsonb_build_object(
            'tokens_used', v_counter.tokens_used,
            'tokens_held', v_counter.tokens_held,
            'tokens_remaining', v_verdict.tokens_remaining,
            'requests', coalesce(v_counter.requests, 0),
            'resets_at', gateway.iso(v_verdict.day_resets_at)
        ),
        'by_day', (
            select
                coalesce(
                    jsonb_agg(
                        jsonb_build_object('date', d.day)
                        || gateway.usage_counts(
                            d.requests, d.prompt_tokens, d.completion_tokens, d.total_tokens
                        )
                        order by d.day
                    ),
                    '[]'
                )
            from gateway.visitor_daily as d
            where
                d.api_key_id = v_key_id
                and d.visitor = v_visitor.id
                and d.day between gateway.first_day(p_now, p_from, p_to)
                and gateway.last_day(p_now, p_from, p_to)
        )
    );
end;
$$;
