-- What the limits of a visitor leave for a request that the key would be granted p_max_output. It
-- is exact for who has the lock of the key's counter, without which no visitor's is changed.
create or replace function gateway.visitor_room(
    p_now timestamptz,
    p_moment timestamptz,
    p_key_id uuid,
    p_visitor gateway.visitor,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns gateway.visitor_room
language plpgsql
as $$
declare
    v gateway.visitor_room := row(null, p_max_output, null);
    v_limit gateway.visitor_limit;
    v_counter gateway.visitor_counters;
    v_left bigint;
begin
    for v_limit in select l.* from gateway.visitor_limits(p_visitor) as l loop
        v_counter := gateway.visitor_counter_at(p_now, p_moment, p_key_id, v_limit);
        if gateway.window_sum(v_counter.window_counts) >= v_limit.requests_per_min then
            v.refusal := 'visitor_rate_limit_exceeded';
            v.retry_after_ms := gateway.window_wait_ms(
                v_counter.window_counts, v_counter.bucket, v_limit.requests_per_min, p_moment
            );
            return v;
        end if;
        continue when v_limit.tokens_per_day is null;
        v_left := v_limit.tokens_per_day - v_counter.tokens_used - v_counter.tokens_held;
        v.granted := least(
            v.granted, gateway.grant_of(v_left, p_prompt_bound, p_max_output, p_least)
        );
        if v.granted
            < gateway.smallest_grant(p_max_output, p_least, v_counter.tokens_held > 0)
        then
            v_left := v_left + v_counter.tokens_held;
            if gateway.grant_of(v_left, p_prompt_bound, p_max_output, p_least)
                >= least(p_max_output, 1)
            then
                v.refusal := 'visitor_tokens_held';
                v.retry_after_ms := 5000;
            else
                v.refusal := 'visitor_quota';
                v.retry_after_ms := gateway.ms_between(
                    p_now, gateway.start_of(v_counter.day + 1)
                );
            end if;
            return v;
        end if;
    end loop;
    return v;
end;
$$;
