-- A request is let through by the counter's row as it was read, if it still is so when it is
-- written. If somebody else has changed it, the row is locked and read again: many callers at once
-- queue for it, and each sees what the one before left. The counters of a key's visitors change
-- under the same lock, so theirs always take it. A refused request writes nothing.
--
-- p_moment: by whose clock the rate is limited, which is always Postgres' own. Were it the one that
-- true_now takes, two gateways whose clocks differ would move the window to and fro, and empty it.
create or replace function gateway.authorize_request_at(
    p_now timestamptz,
    p_request_id uuid,
    p_key_hash text,
    p_scope text,
    p_origin text,
    p_model text,
    p_endpoint text,
    p_prompt_bound integer,
    p_max_output integer,
    p_ttl_seconds integer,
    p_capped boolean default true,
    p_moment timestamptz default null, -- as p_now
    p_claim jsonb default null
) returns gateway.caller_verdict
language plpgsql
as $$
declare
    v_caller gateway.caller;
    v_key gateway.api_keys := gateway.find_key(p_now, p_key_hash);
    v_visitor gateway.visitor;
    v_room gateway.visitor_room;
    v_counter gateway.key_counters;
    v_calls integer; -- in the rate window
    v_refusal text;
    v_is_new boolean := false;
    v_locked boolean;
    v_most integer := greatest(coalesce(p_max_output, 0), 0);
    v_least integer;
    v_wanted integer; -- what the limits of a visitor leave of it
    v_granted integer;
    v_held_for date;
    v_at timestamptz;
    v_setting text;
    v_prompt constant bigint := greatest(coalesce(p_prompt_bound, 0), 0);
    v_month constant timestamptz := gateway.month_of(p_now);
    v_moment constant timestamptz := coalesce(p_moment, p_now);
    v_bucket constant bigint := gateway.bucket_of(v_moment);
begin
    -- A crash may cost the last moments of holds, never what was settled: settling waits for the
    -- disk, and with it all that came before. (An assignment costs less than a perform.)
    v_setting := set_config('synchronous_commit', 'off', true);

    if v_key.id is not null and v_key.visitors is null then
        v_refusal := gateway.key_refusal(p_now, v_key, p_scope, p_origin, p_model);
    else
        v_caller := gateway.find_caller(
            p_now, v_key, p_key_hash, p_scope, p_origin, p_model, p_claim
        );
        v_key := v_caller.key;
        v_visitor := v_caller.visitor;
        v_refusal := v_caller.refusal;
    end if;
    if v_refusal is not null then
        if v_key.visitors is not null or (v_caller.token).token_hash is not null then
            v_key := null; -- visitors learn nothing of it
        elsif v_key.id is not null then
            v_counter := gateway.read_counter(p_now, v_key.id);
            v_calls := gateway.calls_at(v_counter, v_bucket);
        end if;
        return gateway.make_verdict(
            p_now, v_moment, v_key, v_counter, v_calls, null, v_refusal, 0, null
        );
    end if;
    v_most := least(v_most, v_key.max_output_tokens, v_visitor.max_output_tokens); -- null: none
    v_wanted := v_most;
    v_least := case when p_capped then v_most else least(v_most, gateway.least_grant()) end;

    foreach v_locked in array '{false,true}'::boolean[] loop
        if v_locked then
            select c.* into v_counter
            from gateway.key_counters as c
            where c.api_key_id = v_key.id
            for update;
        else
            select c.* into v_counter from gateway.key_counters as c where c.api_key_id = v_key.id;
            -- A month that begins a moment after p_now has begun while this call was on its way.
            if v_counter.month_start < v_month
                or v_counter.month_start > p_now + interval '1 hour'
            then
                v_counter := gateway.move_to_month(v_key.id, v_month);
            end if;
        end if;
        if v_visitor.id is not null then
            v_room := case
                when v_locked
                    then gateway.locked_room(
                        p_now, v_moment, p_request_id, v_caller, p_origin, p_model,
                        v_prompt, v_most, v_least
                    )
                else gateway.visitor_room(
                    p_now, v_moment, v_key.id, v_visitor, v_prompt, v_most, v_least
                )
            end;
            v_refusal := v_room.refusal;
            v_wanted := v_room.granted;
        end if;
        v_calls := gateway.calls_at(v_counter, v_bucket);
        v_refusal := coalesce(
            v_refusal,
            gateway.limit_refusal(
                v_key, v_counter, v_month, v_calls, v_prompt, v_most, v_least
            )
        );
        exit when v_refusal is not null;

        if not v_locked then
            insert into gateway.holds (
                request_id,
                api_key_id,
                authorized_at,
                expires_at,
                tokens,
                granted,
                model,
                endpoint,
                visitor,
                pool
            ) values (
                p_request_id,
                v_key.id,
                p_now,
                p_now + p_ttl_seconds * interval '1 second',
                v_prompt + v_most,
                v_most,
                p_model,
                p_endpoint,
                v_visitor.id,
                v_visitor.pool
            ) on conflict (request_id) do nothing;
            v_is_new := found;
            exit when not v_is_new;
            continue when v_visitor.id is not null;
        end if;
        v_granted := gateway.grantable(
            v_key, v_counter, v_month, v_prompt, v_wanted, least(v_least, v_wanted)
        );
        update gateway.key_counters as c
        set
            month_start = greatest(c.month_start, v_month),
            tokens_used = gateway.carried(c.tokens_used, c.month_start, v_month),
            tokens_held = gateway.carried(c.tokens_held, c.month_start, v_month)
            + v_prompt
            + v_granted,
            requests = gateway.carried(c.requests, c.month_start, v_month),
            window_counts = gateway.count_in_window(c.window_counts, c.bucket, v_bucket),
            window_calls = v_calls + 1,
            bucket = gateway.newest_bucket(c.bucket, v_bucket),
            last_used_at = greatest(c.last_used_at, p_now)
        where c.api_key_id = v_key.id and c = v_counter
        returning c.* into v_counter;
        exit when found;
    end loop;

    if not v_is_new then
        select h.granted into v_granted
        from gateway.holds as h
        where h.request_id = p_request_id and h.api_key_id = v_key.id;
        if found then -- it is asked again
            v_counter := gateway.read_counter(p_now, v_key.id); -- with the hold in it
            v_calls := gateway.calls_at(v_counter, v_bucket);
            return gateway.make_verdict(
                p_now, v_moment, v_key, v_counter, v_calls, v_visitor, null, v_granted, null
            );
        end if;
        if v_refusal is null then
            raise exception 'request % is settled already or has another key', p_request_id;
        end if;
    end if;
    if v_refusal is not null then
        if v_is_new then -- others took what was left in the meantime
            delete from gateway.holds as h where h.request_id = p_request_id;
        end if;
        return gateway.make_verdict(
            p_now, v_moment, v_key, v_counter, v_calls, v_visitor, v_refusal, 0,
            case
                when v_room.refusal is not null then v_room.retry_after_ms
                else gateway.limit_wait_ms(
                    v_moment, v_key, v_counter, v_refusal, v_prompt, v_most, v_least
                )
            end
        );
    end if;

    if v_counter.api_key_id is null then
        raise exception 'key % has no counter', v_key.id;
    end if;
    if v_visitor.id is not null then
        v_held_for := gateway.hold_for_visitor(
            p_now,
            v_moment,
            v_key.id,
            v_visitor,
            (v_caller.token).token_hash,
            v_prompt + v_granted
        );
    end if;
    v_at := greatest(p_now, v_counter.month_start, gateway.start_of(v_held_for));
    if v_granted < v_most or v_at > p_now then
        -- granted less than wanted; or a month or a day turned while this call waited for the row
        update gateway.holds as h
        set tokens = v_prompt + v_granted, granted = v_granted, authorized_at = v_at
        where h.request_id = p_request_id;
    end if;
    return gateway.make_verdict(
        p_now, v_moment, v_key, v_counter, v_calls + 1, v_visitor, null, v_granted, null
    );
end;
$$;
