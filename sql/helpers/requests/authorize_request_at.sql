-- The conditional update decides: many callers at once queue for the counter's row, and each sees
-- the newest one. All reading before it only spares refused requests the writing. Where a visitor
-- calls, the row is locked first, and what is read of the visitor then is exact.
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
    v_key gateway.api_keys;
    v_visitor gateway.visitor;
    v_room gateway.visitor_room;
    v_counter gateway.key_counters;
    v_hold gateway.holds;
    v_reason text;
    v_wanted integer := greatest(coalesce(p_max_output, 0), 0);
    v_least integer;
    v_held_for date;
    v_at timestamptz;
    v_prompt constant bigint := greatest(coalesce(p_prompt_bound, 0), 0);
    v_month constant timestamptz := gateway.month_of(p_now);
    v_moment constant timestamptz := coalesce(p_moment, p_now);
    v_bucket constant bigint := gateway.bucket_of(v_moment);
begin
    -- A crash may cost the last moments of holds, never what was settled: settling waits for the
    -- disk, and with it all that came before.
    perform set_config('synchronous_commit', 'off', true);

    v_caller := gateway.find_caller(p_now, p_key_hash, p_scope, p_origin, p_model, p_claim);
    v_key := v_caller.key;
    v_visitor := v_caller.visitor;
    if v_caller.refusal is not null then
        if v_key.visitors is not null or (v_caller.token).token_hash is not null then
            v_key := null; -- visitors learn nothing of it
        elsif v_key.id is not null then
            v_counter := gateway.read_counter(p_now, v_key.id);
        end if;
        return gateway.tell_visitor(
            p_now,
            v_moment,
            gateway.make_verdict(v_moment, v_key, v_counter, v_caller.refusal, 0),
            null
        );
    end if;
    v_wanted := least(v_wanted, v_key.max_output_tokens, v_visitor.max_output_tokens); -- null: none
    v_least := case when p_capped then v_wanted else least(v_wanted, gateway.least_grant()) end;

    v_counter := gateway.counter_of(p_now, v_key.id);
    v_reason := gateway.limit_refusal(
        v_key, v_counter, v_month, v_bucket, v_prompt, v_wanted, v_least
    );
    if v_visitor.id is not null then
        v_room := gateway.visitor_room(
            p_now, v_moment, v_key.id, v_visitor, v_prompt, v_wanted, v_least
        );
        v_reason := coalesce(v_room.refusal, v_reason);
    end if;
    if v_reason is null then
        insert into gateway.holds as h (
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
            v_prompt + v_wanted,
            v_wanted,
            p_model,
            p_endpoint,
            v_visitor.id,
            v_visitor.pool
        ) on conflict (request_id) do nothing
        returning h.* into v_hold;
    end if;
    if v_hold.request_id is null then
        select * into v_hold
        from gateway.holds as h
        where h.request_id = p_request_id and h.api_key_id = v_key.id;
        if found then
            v_counter := gateway.read_counter(p_now, v_key.id); -- with the hold in it
            return gateway.tell_visitor(
                p_now,
                v_moment,
                gateway.make_verdict(v_moment, v_key, v_counter, null, v_hold.granted),
                v_visitor
            );
        end if;
        if v_reason is null then
            raise exception 'request % is settled already or has another key', p_request_id;
        end if;
        if v_room.refusal is not null then
            return gateway.visitor_denial(p_now, v_moment, v_key, v_visitor, v_room);
        end if;
        return gateway.tell_visitor(
            p_now,
            v_moment,
            gateway.limit_verdict(
                v_moment, v_key, v_counter, v_reason, v_prompt, v_wanted, v_least
            ),
            v_visitor
        );
    end if;

    if v_visitor.id is not null then
        perform 1 from gateway.key_counters as c where c.api_key_id = v_key.id for update;
        perform gateway.open_visitors(p_now, v_key.id, v_visitor, p_request_id);
        v_room := gateway.visitor_room(
            p_now, v_moment, v_key.id, v_visitor, v_prompt, v_wanted, v_least
        );
        if v_room.refusal is null and (v_caller.token).token_hash is not null then
            v_room.refusal := gateway.token_refusal(
                p_now, v_key, gateway.find_token((v_caller.token).token_hash), p_origin, p_model
            );
        end if;
        if v_room.refusal is not null then -- others took what was left in the meantime
            delete from gateway.holds as h where h.request_id = p_request_id;
            return gateway.visitor_denial(p_now, v_moment, v_key, v_visitor, v_room);
        end if;
        v_wanted := v_room.granted;
        v_least := least(v_least, v_wanted);
    end if;

    update gateway.key_counters as c
    set
        month_start = greatest(c.month_start, v_month),
        tokens_used = gateway.carried(c.tokens_used, c.month_start, v_month),
        tokens_held = gateway.carried(c.tokens_held, c.month_start, v_month)
        + v_prompt
        + gateway.grantable(v_key, c, v_month, v_prompt, v_wanted, v_least),
        requests = gateway.carried(c.requests, c.month_start, v_month),
        window_counts = gateway.count_in_window(c.window_counts, c.bucket, v_bucket),
        bucket = gateway.newest_bucket(c.bucket, v_bucket),
        last_granted = gateway.grantable(v_key, c, v_month, v_prompt, v_wanted, v_least),
        last_used_at = greatest(c.last_used_at, p_now)
    where
        c.api_key_id = v_key.id
        and gateway.limit_refusal(
            v_key, c, v_month, v_bucket, v_prompt, v_wanted, v_least
        ) is null
    returning c.* into v_counter;

    if not found then -- others took what was left in the meantime
        delete from gateway.holds as h where h.request_id = p_request_id;
        v_counter := gateway.read_counter(p_now, v_key.id);
        v_reason := coalesce(
            gateway.limit_refusal(
                v_key, v_counter, v_month, v_bucket, v_prompt, v_wanted, v_least
            ),
            'insufficient_quota'
        );
        return gateway.tell_visitor(
            p_now,
            v_moment,
            gateway.limit_verdict(
                v_moment, v_key, v_counter, v_reason, v_prompt, v_wanted, v_least
            ),
            v_visitor
        );
    end if;

    if v_visitor.id is not null then
        v_held_for := gateway.hold_for_visitor(
            p_now,
            v_moment,
            v_key.id,
            v_visitor,
            (v_caller.token).token_hash,
            v_prompt + v_counter.last_granted
        );
    end if;
    v_at := greatest(p_now, v_counter.month_start, gateway.start_of(v_held_for));
    if v_counter.last_granted < v_hold.granted or v_at > p_now then
        -- granted less than wanted; or a month or a day turned while this call waited for the row
        update gateway.holds as h
        set
            tokens = v_prompt + v_counter.last_granted,
            granted = v_counter.last_granted,
            authorized_at = v_at
        where h.request_id = p_request_id;
    end if;
    return gateway.tell_visitor(
        p_now,
        v_moment,
        gateway.make_verdict(v_moment, v_key, v_counter, null, v_counter.last_granted),
        v_visitor
    );
end;
$$;
