-- What a visitor is told of the limits: the narrower of their own and the pool's. A limit that is
-- not set stays null: greatest(0, null) would be 0.
create or replace function gateway.visitor_verdict_at(
    p_now timestamptz, p_moment timestamptz, p_key_id uuid, p_visitor gateway.visitor
) returns gateway.visitor_verdict
language plpgsql
as $$
declare
    v gateway.visitor_verdict;
    v_limit gateway.visitor_limit;
    v_counter gateway.visitor_counters;
begin
    v.id := p_visitor.id;
    v.pool := p_visitor.pool;
    v.rate_limit := p_visitor.requests_per_min;
    v.token_limit := p_visitor.tokens_per_day;
    if p_visitor.good_until is not null then
        v.good_for_ms := gateway.ms_between(p_now, p_visitor.good_until);
    end if;
    for v_limit in select l.* from gateway.visitor_limits(p_visitor) as l loop
        v_counter := gateway.visitor_counter_at(p_now, p_moment, p_key_id, v_limit);
        v.rate_remaining := least(
            v.rate_remaining,
            case
                when v_limit.requests_per_min is not null
                    then greatest(
                        0, v_limit.requests_per_min - gateway.window_sum(v_counter.window_counts)
                    )
            end
        );
        v.tokens_remaining := least(
            v.tokens_remaining,
            case
                when v_limit.tokens_per_day is not null
                    then greatest(
                        0, v_limit.tokens_per_day - v_counter.tokens_used - v_counter.tokens_held
                    )
            end
        );
        v.rate_reset_ms := greatest(
            v.rate_reset_ms, gateway.window_reset_ms(v_counter.bucket, p_moment)
        );
        v.day_resets_at := greatest(v.day_resets_at, gateway.start_of(v_counter.day + 1));
    end loop;
    return v;
end;
$$;
