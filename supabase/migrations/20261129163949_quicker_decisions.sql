-- Made from sql/ by scripts/make-migration: edited by nobody, made again by nobody once released.
-- It applies what the database lacks and records it, as `localllm db migrate` does.
-- step 0013_quicker_decisions 1b1a8e268f8d0fbf2db42676078e6580232ed056aeceeff480a03816eeace9f9
-- step functions 3f073aca40fcf797193355698871d895d6ad71e3ce4d271abed47f7a6488ca93

do $migration$
begin
    perform pg_advisory_xact_lock(7813573148593122413);

create schema if not exists gateway;
create table if not exists gateway.migrations (
    version text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
);

    if not exists (select 1 from gateway.migrations as m where m.version = '0013_quicker_decisions') then
        execute $step$
-- The calls of the whole window beside those of each second, so that nobody adds them up.
alter table gateway.key_counters add column window_calls integer not null default 0;
update gateway.key_counters
set window_calls = (select coalesce(sum(n), 0) from unnest(window_counts) as w (n))::integer;

-- What is decided and counted is worked out before it is written.
alter table gateway.key_counters drop column last_granted;
alter table gateway.key_counters drop column last_charged;

-- They take and give other things now, or are gone: the old ones would stay beside the new ones.
drop function if exists gateway.limit_refusal(
    gateway.api_keys, gateway.key_counters, timestamptz, bigint, bigint, integer, integer
);
drop function if exists gateway.make_verdict(
    timestamptz, gateway.api_keys, gateway.key_counters, text, integer
);
drop function if exists gateway.find_caller(timestamptz, text, text, text, text, jsonb);
drop function if exists gateway.limit_verdict(
    timestamptz, gateway.api_keys, gateway.key_counters, text, bigint, integer, integer
);
drop function if exists gateway.visitor_denial(
    timestamptz, timestamptz, gateway.api_keys, gateway.visitor, gateway.visitor_room
);
drop function if exists gateway.tell_visitor(
    timestamptz, timestamptz, gateway.verdict, gateway.visitor
);
drop function if exists gateway.counter_of(timestamptz, uuid);
drop function if exists gateway.move_to_month(uuid, timestamptz);
drop function if exists gateway.settle_hold(
    gateway.holds, bigint, bigint, text, text, integer, integer, text
);
$step$;
        insert into gateway.migrations (version, checksum)
        values ('0013_quicker_decisions', '1b1a8e268f8d0fbf2db42676078e6580232ed056aeceeff480a03816eeace9f9');
    end if;

    if not exists (
        select 1 from gateway.migrations as m
        where
            (m.version = 'functions' and m.checksum = '3f073aca40fcf797193355698871d895d6ad71e3ce4d271abed47f7a6488ca93')
            or (m.version <> 'functions' and m.version collate "C" > '0013_quicker_decisions')
    ) then
        execute $step$
-- Where a caller is, as gateway/http/visitors.py tells it: an IPv4 address stands for a visitor,
-- and of an IPv6 address its /64; `network` is the /48 around it. Null: it is no address.
create or replace function gateway.address_claim(p_address text) returns jsonb
language plpgsql immutable parallel safe
as $$
declare
    v_address inet;
begin
    v_address := coalesce(p_address, '')::inet;
    if v_address << '::ffff:0:0/96'::inet then -- IPv4 as a socket for both shows it
        v_address := '0.0.0.0'::inet + (v_address - '::ffff:0:0'::inet);
    end if;
    if family(v_address) = 4 then
        return jsonb_build_object('address', host(v_address));
    end if;
    return jsonb_build_object(
        'address', network(set_masklen(v_address, 64))::text,
        'network', network(set_masklen(v_address, 48))::text
    );
exception
    when data_exception then
        return null;
end;
$$;

-- How long an attempt to deliver an alert may take. Then its gateway is taken for dead, and another
-- tries.
create or replace function gateway.alert_lease() returns interval
language sql immutable parallel safe
return '5 minutes'::interval;

-- How long after so many failed attempts the next one begins.
create or replace function gateway.alert_pause(p_attempts integer) returns interval
language sql immutable parallel safe
return least(
    interval '30 seconds' * power(2, least(greatest(p_attempts, 1), 20) - 1), interval '6 hours'
);

-- How long what is over cannot begin again: what holds has held for a minute, so whoever says so
-- earlier saw it before it ended.
create or replace function gateway.alert_rest() returns interval
language sql immutable parallel safe
return '50 seconds'::interval;

-- Asks for no time, but only what has a twin is ours: see sql/grants.sql.
create or replace function gateway.applied_migrations_at() returns jsonb
language sql stable
begin atomic
    select coalesce(jsonb_object_agg(m.version, m.checksum), '{}')
    from gateway.migrations as m;
end;

-- The rate window: 61 buckets of a second, all counted. Any 60 seconds touch at most 61 of them, so
-- that never more than the limit passes in any 60 seconds, and a call is forgotten within a 61st.
create or replace function gateway.bucket_of(p_time timestamptz) returns bigint
language sql stable parallel safe
return floor(extract(epoch from p_time))::bigint;

-- What a month's counter brings into p_month: nothing, if it is of an earlier one.
create or replace function gateway.carried(
    p_amount bigint, p_month_start timestamptz, p_month timestamptz
) returns bigint
language sql immutable parallel safe
return case when p_month_start < p_month then 0 else p_amount end;

-- What a request is charged: what was reported, within its hold and what else is left.
create or replace function gateway.charge(p_total bigint, p_held bigint, p_left bigint)
returns bigint
language sql immutable parallel safe
return least(p_total, p_held + greatest(p_left, 0));

-- The day in UTC.
create or replace function gateway.day_of(p_time timestamptz) returns date
language sql immutable parallel safe
return (p_time at time zone 'UTC')::date;

-- Whom an attempt is put down to. Who has one IPv6 address has the /56 around it; what is no
-- address at all is one and the same for all.
create or replace function gateway.failure_address(p_address text) returns text
language plpgsql immutable parallel safe
as $$
declare
    v_address inet;
begin
    v_address := p_address::inet;
    if v_address << '::ffff:0:0/96'::inet then -- IPv4 as a socket for both shows it
        v_address := '0.0.0.0'::inet + (v_address - '::ffff:0:0'::inet);
    end if;
    if family(v_address) = 6 then
        return network(set_masklen(v_address, 56))::text;
    end if;
    return coalesce(host(v_address), 'unknown');
exception
    when data_exception then
        return 'unknown';
end;
$$;

-- What all keys have used since a day, that day included.
create or replace function gateway.figures_since(p_day date) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'requests', coalesce(sum(d.requests), 0),
            'total_tokens', coalesce(sum(d.total_tokens), 0),
            'charged_tokens', coalesce(sum(d.charged_tokens), 0)
        )
    from gateway.usage_daily as d
    where d.day >= p_day;
end;

-- The key with this hash, or the one that replaced it while its grace lasts, or null.
create or replace function gateway.find_key(p_now timestamptz, p_key_hash text)
returns gateway.api_keys
language plpgsql stable
as $$
declare
    v_key gateway.api_keys;
begin
    select k.* into v_key from gateway.api_keys as k where k.key_hash = p_key_hash;
    if not found then
        select k.* into v_key
        from gateway.retired_keys as r
        inner join gateway.api_keys as k on r.api_key_id = k.id
        where r.key_hash = p_key_hash and r.valid_until > p_now;
    end if;
    return v_key;
end;
$$;

-- The token of a visitor with this hash, or null.
create or replace function gateway.find_token(p_hash text) returns gateway.visitor_tokens
language plpgsql -- volatile: each read sees what was committed until then
as $$
declare
    v_token gateway.visitor_tokens;
begin
    select t.* into v_token from gateway.visitor_tokens as t where t.token_hash = p_hash;
    return v_token;
end;
$$;

-- Delete alerts after 30 days, told or not, and conditions that nobody has seen for a quarter of a
-- year: that is longer than the month of a key.
create or replace function gateway.forget_alerts(p_now timestamptz) returns void
language plpgsql
as $$
begin
    delete from gateway.alerts as a where a.made_at < p_now - interval '30 days';
    delete from gateway.alert_conditions as c where c.seen_at < p_now - interval '90 days';
end;
$$;

-- The output tokens that can be granted of p_left; -1: not even the prompt fits. A request that
-- names no length (p_least < p_max_output) takes a quarter of what is left, so that others like it
-- fit beside it, but p_least as long as there are so many.
create or replace function gateway.grant_of(
    p_left bigint, p_prompt_bound bigint, p_max_output integer, p_least integer
) returns integer
language sql immutable parallel safe
return greatest(
    -1,
    least(
        p_max_output, p_left - p_prompt_bound, greatest(p_least, (p_left - p_prompt_bound) / 4)
    )
)::integer;

-- The advisory lock of whoever adds up months of the log, or imports into them.
create or replace function gateway.housekeeping_lock() returns bigint
language sql immutable parallel safe
return hashtextextended('gateway.keep_house', 0);

-- Take one row in; false: it is there already, and is left as it is.
create or replace function gateway.import_row(p_kind text, p_row jsonb) returns boolean
language plpgsql
as $$
declare
    v_counter gateway.key_counters;
    v_log gateway.usage_logs;
begin
    case p_kind
        when 'keys' then
            insert into gateway.api_keys
            select k.*
            from jsonb_populate_record(
                null::gateway.api_keys,
                jsonb_build_object('visitor_salt', gen_random_uuid()) || p_row
            ) as k
            on conflict (id) do nothing;
            if found then -- of no month yet, so that the counter of the key may still come
                insert into gateway.key_counters (api_key_id, month_start)
                values ((p_row ->> 'id')::uuid, '-infinity');
            end if;
        when 'retired_keys' then
            insert into gateway.retired_keys
            select r.* from jsonb_populate_record(null::gateway.retired_keys, p_row) as r
            on conflict (key_hash) do nothing;
        when 'counters' then
            v_counter := jsonb_populate_record(v_counter, p_row);
            update gateway.key_counters as c
            set
                month_start = v_counter.month_start,
                tokens_used = v_counter.tokens_used,
                requests = v_counter.requests,
                last_used_at = v_counter.last_used_at
            where c.api_key_id = v_counter.api_key_id and c.month_start = '-infinity';
        when 'daily' then
            insert into gateway.usage_daily
            select d.* from jsonb_populate_record(null::gateway.usage_daily, p_row) as d
            on conflict (api_key_id, day, model) do nothing;
        when 'visitor_daily' then
            insert into gateway.visitor_daily
            select d.* from jsonb_populate_record(null::gateway.visitor_daily, p_row) as d
            on conflict (api_key_id, day, visitor) do nothing;
        when 'logs' then
            v_log := jsonb_populate_record(v_log, p_row);
            insert into gateway.usage_logs
            select v_log.*
            where not exists (
                select 1 from gateway.usage_logs as l where l.request_id = v_log.request_id
            );
        when 'presets' then
            insert into gateway.presets
            select p.* from jsonb_populate_record(null::gateway.presets, p_row) as p
            on conflict (name) do nothing;
        when 'preset_versions' then
            insert into gateway.preset_versions
            select v.* from jsonb_populate_record(null::gateway.preset_versions, p_row) as v
            inner join gateway.presets as p on v.name = p.name
            where v.version <= p.version -- of one that was there before, and has fewer
            on conflict (name, version) do nothing;
    end case;
    return found;
end;
$$;

-- Whether the log has the request, in whichever month: a clock may have jumped since. Who waits
-- here for the counter sees what the one before wrote.
create or replace function gateway.is_counted(p_request_id uuid, p_key_id uuid) returns boolean
language plpgsql
as $$
begin
    perform 1 from gateway.key_counters as c where c.api_key_id = p_key_id for update;
    return exists (select 1 from gateway.usage_logs as l where l.request_id = p_request_id);
end;
$$;

-- Whether an attempt may begin. What a clock that was ahead put off for longer than any pause is
-- due, too.
create or replace function gateway.is_due(p_now timestamptz, p_due_at timestamptz) returns boolean
language sql immutable parallel safe
return p_due_at <= p_now or p_due_at > p_now + interval '1 day';

-- Whether the clock has run without a gap or a jump for a week: only then is anything dropped for
-- its age.
create or replace function gateway.is_steady(p_now timestamptz) returns boolean
language sql stable
begin atomic
    select
        p_now between c.seen_at - interval '1 hour' and c.seen_at + interval '1 day'
        and c.steady_since <= p_now - interval '7 days'
    from gateway.clock as c;
end;

-- As JSON shows a time, whatever the time zone of the session.
create or replace function gateway.iso(p_time timestamptz) returns text
language sql stable parallel safe
return to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

-- As JSON shows a time to the millisecond.
create or replace function gateway.iso_ms(p_time timestamptz) returns text
language sql stable parallel safe
return to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- The key for which somebody calls who does not show it: with a token, or as a user of its issuer,
-- whom the gateway has verified.
create or replace function gateway.key_behind(p_token gateway.visitor_tokens, p_claim jsonb)
returns gateway.api_keys
language plpgsql stable
as $$
declare
    v_key gateway.api_keys;
begin
    select k.* into v_key
    from gateway.api_keys as k
    where
        k.id = coalesce(
            p_token.api_key_id,
            case when p_claim ? 'subject' then (p_claim ->> 'key_id')::uuid end
        );
    return v_key;
end;
$$;

-- What a key that is here has otherwise than a row that came for it; null: nothing. Times are
-- compared as times.
create or replace function gateway.key_difference(p_row jsonb) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'id', k.id,
            'prefix', k.prefix,
            'label', k.label,
            'fields', jsonb_agg(c.name order by c.name)
        )
    from
        gateway.api_keys as k,
        jsonb_populate_record(null::gateway.api_keys, p_row) as came,
        jsonb_each(to_jsonb(came)) as c (name, value)
    where
        k.id = came.id
        and p_row ? c.name -- an older export lacks some
        and to_jsonb(k) -> c.name <> c.value
    group by k.id;
end;

-- A channel that was just set up, or is again after a week, is told of what comes, not of what was.
create or replace function gateway.know_channels(p_now timestamptz, p_channels text[])
returns void
language plpgsql
as $$
declare
    v_last constant bigint := coalesce((select max(a.number) from gateway.alerts as a), 0);
begin
    insert into gateway.alert_channels as c (channel, told_after, seen_at)
    select
        n.channel,
        v_last as told_after,
        p_now as seen_at
    from unnest(p_channels) as n (channel)
    on conflict (channel) do update
        set
            seen_at = p_now,
            told_after = case
                when c.seen_at < p_now - interval '7 days' then v_last else c.told_after
            end
        where c.seen_at not between p_now - interval '1 hour' and p_now;
end;
$$;

-- Output tokens: an answer that names no length gets so many at least, or waits for running ones.
create or replace function gateway.least_grant() returns integer
language sql immutable parallel safe
return 256;

-- What is wrong with the limits of visitors, for who sets them; null: nothing. p_where: what they
-- are called.
create or replace function gateway.limits_problem(
    p_limits jsonb, p_where text, p_others text[] default '{}'
) returns text
language sql immutable parallel safe
return case
    when jsonb_typeof(p_limits) <> 'object' then p_where || ' should be an object.'
    else (
        select
            case
                when b.most is null then format('%s.%s is not known.', p_where, l.name)
                else format(
                    '%s.%s should be a whole number from 1 to %s, or null.', p_where, l.name, b.most
                )
            end
        from jsonb_each(p_limits) as l (name, value)
        left join (
            values
            ('tokens_per_day', 1000000000000),
            ('requests_per_min', 1000000),
            ('max_output_tokens', 1000000000)
        ) as b (name, most) on b.name = l.name
        where
            l.name <> all(p_others)
            and (
                b.most is null
                or case jsonb_typeof(l.value)
                    when 'null' then false
                    when 'number'
                        then
                            l.value::numeric not between 1 and b.most
                            or l.value::numeric <> trunc(l.value::numeric)
                    else true
                end
            )
        order by l.name
        limit 1
    )
end;

-- Have the log for this transaction alone. Who makes or drops a partition waits for everyone who
-- writes to the log, so it may hold no lock on holds or counters. Those who come to write wait
-- behind whoever waits here, so that is given up soon (false): a reader of the whole log, as
-- pg_dump is, must not stop all settling. Longer than deadlock_timeout: Postgres then lets those
-- pass who are waited for.
create or replace function gateway.lock_log() returns boolean
language plpgsql
set lock_timeout = '2s'
as $$
begin
    lock table gateway.usage_logs in access exclusive mode;
    return true;
exception
    when lock_not_available then
        return false;
end;
$$;

-- One filter as a condition of the statement, with its value written out; null: there is no such.
create or replace function gateway.log_condition(p_name text, p_value text) returns text
language sql immutable parallel safe
return case p_name
    when 'ids' then format(' and l.request_id = any(%L::uuid[])', translate(p_value, '[]"', '{}'))
    when 'api_key_id' then format(' and l.api_key_id = %L::uuid', p_value)
    when 'visitor' then format(' and l.visitor = %L::uuid', p_value)
    when 'model' then format(' and l.model = %L', p_value)
    when 'status' then format(' and l.status = %L', p_value)
    when 'usage_source' then format(' and l.usage_source = %L', p_value)
    when 'route' then format(' and l.endpoint = %L', p_value)
    when 'from' then format(' and l.created_at >= %L::timestamptz', p_value)
    when 'to' then format(' and l.created_at < %L::timestamptz', p_value)
end;

-- What stands for the rows of the log after this one.
create or replace function gateway.log_cursor(p_row gateway.usage_logs) returns text
language sql stable
return to_char(
    (p_row).created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
) || '_' || (p_row).request_id;

-- How many wrong admin secrets are borne: so many failures of one address within the time lock it
-- out. Of all addresses together the newest are kept, so many at most.
create or replace function gateway.login_limits(
    out per_address integer, out overall integer, out within interval
)
language sql immutable parallel safe
return row(10, 1000, '15 minutes'::interval);

-- Whether a model is one of those that a key may use, all in canonical form. In an entry `*` stands
-- for any run of characters; no other character is more than itself. Null: one was not given. An
-- entry that is null allows nothing, and neither does an empty list.
-- gateway/core/model_names.py has a twin; tests/vectors/allowed_models.json holds both to the same
-- answers.
create or replace function gateway.model_allowed(p_model text, p_allowed text[]) returns boolean
language sql immutable strict parallel safe
return (
    select
        coalesce(bool_or(
            a.entry is not null
            and p_model like replace(regexp_replace(a.entry, '([\\%_])', '\\\1', 'g'), '*', '%')
        ), false)
    from unnest(p_allowed) as a (entry)
);

-- The month in UTC. Plain SQL without settings of its own, as all of the calendar, so that Postgres
-- inlines it.
create or replace function gateway.month_of(p_time timestamptz) returns timestamptz
language sql immutable parallel safe
return date_trunc('month', p_time at time zone 'UTC') at time zone 'UTC';

-- All that a row of a kind has. Of the counters only what was used: what is held, and the rate
-- window, belong to requests that run now.
create or replace function gateway.moving_columns(p_kind text) returns text[]
language sql stable parallel safe
return case
    when p_kind = 'counters' then '{api_key_id,month_start,tokens_used,requests,last_used_at}'
    else (
        select array_agg(a.attname::text order by a.attname)
        from pg_catalog.pg_attribute as a
        where
            a.attrelid = case p_kind
                when 'keys' then 'gateway.api_keys'::regclass
                when 'retired_keys' then 'gateway.retired_keys'::regclass
                when 'daily' then 'gateway.usage_daily'::regclass
                when 'visitor_daily' then 'gateway.visitor_daily'::regclass
                when 'logs' then 'gateway.usage_logs'::regclass
                when 'presets' then 'gateway.presets'::regclass
                when 'preset_versions' then 'gateway.preset_versions'::regclass
            end
            and a.attnum > 0
            and not a.attisdropped
    )
end;

-- The columns that put the rows of a kind in order and tell them apart, as they stand in a cursor.
-- Null: there is no such kind.
create or replace function gateway.moving_order(p_kind text) returns text[]
language sql immutable parallel safe
return case p_kind
    when 'keys' then '{created_at,id}'::text[]
    when 'retired_keys' then '{key_hash}'
    when 'counters' then '{api_key_id}'
    when 'daily' then '{api_key_id,day,model}'
    when 'visitor_daily' then '{api_key_id,day,visitor}'
    when 'logs' then '{created_at,request_id}'
    when 'presets' then '{name}'
    when 'preset_versions' then '{name,version}'
end;

-- Milliseconds: one at least, and at most what an integer holds, which is 24 days.
create or replace function gateway.ms_between(p_from timestamptz, p_to timestamptz)
returns integer
language sql immutable parallel safe
return least(greatest(1, ceil(extract(epoch from p_to - p_from) * 1000)), 2147483647)::integer;

-- Milliseconds until this bucket begins.
create or replace function gateway.ms_until_bucket(p_bucket bigint, p_now timestamptz)
returns integer
language sql stable parallel safe
return ceil((p_bucket - extract(epoch from p_now)) * 1000)::integer;

-- The one of two times that is nearer to what was seen last: the other clock has jumped.
create or replace function gateway.nearer_clock(p_now timestamptz, p_clock timestamptz)
returns timestamptz
language plpgsql stable
as $$
declare
    v_seen timestamptz;
begin
    select c.seen_at into v_seen from gateway.clock as c;
    return case
        when greatest(v_seen - p_clock, p_clock - v_seen) < greatest(v_seen - p_now, p_now - v_seen)
            then p_clock
        else p_now
    end;
end;
$$;

-- The number of the newest bucket after that step.
create or replace function gateway.newest_bucket(p_from bigint, p_to bigint) returns bigint
language sql immutable parallel safe
return case when p_from - p_to between 1 and 60 then p_from else p_to end;

-- Whose a hold is that only keeps its place: see gateway.bar_holds.
create or replace function gateway.nobody() returns uuid
language sql immutable parallel safe
return '00000000-0000-0000-0000-000000000000'::uuid;

-- This gateway runs at p_now; how many of them do. One that has not swept for three minutes is
-- gone.
create or replace function gateway.note_gateway(p_now timestamptz, p_gateway uuid)
returns integer
language plpgsql
as $$
begin
    if p_gateway is not null then
        insert into gateway.gateways as g (id, seen_at) values (p_gateway, p_now)
        on conflict (id) do update set seen_at = excluded.seen_at;
    end if;
    delete from gateway.gateways as g
    where g.id in (
        select old.id
        from gateway.gateways as old
        where old.seen_at not between p_now - interval '3 minutes' and p_now + interval '3 minutes'
        for update skip locked -- two that come back at once never wait for each other
    );
    return (
        select count(*)
        from gateway.gateways as g
        where g.seen_at between p_now - interval '3 minutes' and p_now + interval '3 minutes'
    );
end;
$$;

-- Somebody was here at p_now. After a gap or a jump, the clock has to prove itself anew.
create or replace function gateway.note_time(p_now timestamptz) returns void
language sql
begin atomic
    update gateway.clock as c
    set
        seen_at = p_now,
        steady_since = case
            when p_now between c.seen_at - interval '1 hour' and c.seen_at + interval '1 day'
                then c.steady_since
            else p_now
        end
    where c.only_row; -- Supabase refuses an update without a condition
end;

-- What is wrong with a number that should lie between two others; null: nothing.
create or replace function gateway.number_problem(
    p_value jsonb, p_least numeric, p_most numeric, p_whole boolean
) returns text
language sql immutable parallel safe
return case
    when
        case
            when jsonb_typeof(p_value) is distinct from 'number' then true
            when (p_value #>> '{}')::numeric not between p_least and p_most then true
            else p_whole and (p_value #>> '{}')::numeric % 1 <> 0
        end
        then format(
            'should be a %s from %s to %s',
            case when p_whole then 'whole number' else 'number' end,
            p_least,
            p_most
        )
end;

-- The name of a month's partition of the log.
create or replace function gateway.partition_of(p_month timestamptz) returns text
language sql immutable parallel safe
return 'usage_logs_' || to_char(p_month at time zone 'UTC', 'YYYY_MM');

-- What makes a version of a preset: all that an owner may change.
create or replace function gateway.preset_content(p_preset gateway.presets) returns jsonb
language sql immutable parallel safe
return jsonb_build_object(
    'model', (p_preset).model,
    'system', (p_preset).system,
    'parameters', (p_preset).parameters,
    'template', (p_preset).template,
    'variables', (p_preset).variables,
    'locked', (p_preset).locked
);

-- A refusal of an administration function. p_detail is for people.
create or replace function gateway.refusal(p_reason text, p_detail text) returns jsonb
language sql immutable parallel safe
return jsonb_build_object('refusal', p_reason, 'detail', p_detail);

-- A count of tokens as a gateway reports it, made one that can be added up: at most the highest
-- limit that a key can have.
create or replace function gateway.reported_tokens(p_count bigint) returns bigint
language sql immutable parallel safe
return least(greatest(coalesce(p_count, 0), 0), 1000000000000);

-- How long after it was let through a request can be settled.
create or replace function gateway.settling_time() returns interval
language sql immutable parallel safe
return '35 days'::interval;

-- The counts as they are at p_to. A newest bucket a little ahead of it: this caller waited for the
-- row. Far ahead: the clock was set back, so begin anew rather than block the key. Postgres inlines
-- it.
create or replace function gateway.shift_window(
    p_counts integer[], p_from bigint, p_to bigint
) returns integer[]
language sql immutable parallel safe
return case
    when p_to - p_from between -60 and 0 then p_counts
    when p_to - p_from between 1 and 60
        then (array_fill(0, array[(p_to - p_from)::integer]) || p_counts)[1:61]
    else array_fill(0, array[61])
end;

-- The key of a site, by its id, or null.
create or replace function gateway.site_key(p_site uuid) returns gateway.api_keys
language plpgsql -- volatile: each read sees what was committed until then
as $$
declare
    v_key gateway.api_keys;
begin
    select k.* into v_key from gateway.api_keys as k where k.id = p_site;
    return v_key;
end;
$$;

-- The least that an answer is granted. One that names no length is not cut to less than p_least for
-- what others hold.
create or replace function gateway.smallest_grant(
    p_max_output integer, p_least integer, p_others_hold boolean
) returns integer
language sql immutable parallel safe
return case
    when p_least < p_max_output and p_others_hold then p_least
    else least(p_max_output, 1)
end;

-- When a day begins, in UTC.
create or replace function gateway.start_of(p_day date) returns timestamptz
language sql immutable parallel safe
return p_day::timestamp at time zone 'UTC';

-- What is wrong with a template and the variables that fill it; null: nothing. Each {{name}} in it
-- is a variable, and each variable stands in it.
create or replace function gateway.template_problem(p_template text, p_variables jsonb)
returns text
language sql immutable parallel safe
return (
    select
        case
            when v.name is null then format('has {{%s}}, which is no variable', t.name)
            else format('lacks {{%s}}', v.name)
        end
    from (
        select distinct m.found[1] as name
        from
            regexp_matches(p_template, '\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}', 'g') as m (found)
    ) as t
    full join jsonb_object_keys(p_variables) as v (name) on t.name = v.name
    where p_template is not null and (t.name is null or v.name is null)
    order by coalesce(t.name, v.name)
    limit 1
);

-- What is wrong with a list of texts; null: nothing. p_entries and p_characters: the most of them.
create or replace function gateway.texts_problem(
    p_value jsonb, p_entries integer, p_characters integer
) returns text
language sql immutable parallel safe
return case
    when
        case
            when jsonb_typeof(p_value) is distinct from 'array' then true
            when jsonb_array_length(p_value) not between 1 and p_entries then true
            else exists (
                select 1 from jsonb_array_elements(p_value) as e (one)
                where
                    jsonb_typeof(e.one) <> 'string'
                    or length(e.one #>> '{}') not between 1 and p_characters
            )
        end
        then format(
            'should be a list of 1 to %s texts of 1 to %s characters', p_entries, p_characters
        )
end;

-- The visitors of a key as they are stored: whole numbers are written as such, and what is null is
-- left out.
create or replace function gateway.tidy_visitors(p_visitors jsonb) returns jsonb
language plpgsql immutable parallel safe
as $$
begin
    return case jsonb_typeof(p_visitors)
        when 'object' then (
            select
                coalesce(jsonb_object_agg(v.name, gateway.tidy_visitors(v.value)), '{}')
            from jsonb_each(p_visitors) as v (name, value)
            where jsonb_typeof(v.value) <> 'null'
        )
        when 'number' then to_jsonb(trim_scale(p_visitors::numeric))
        when 'null' then null
        else p_visitors
    end;
end;
$$;

-- Why the token of a visitor may not do this, or null, as where there is none. It narrows what its
-- key may do.
create or replace function gateway.token_refusal(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_token gateway.visitor_tokens,
    p_origin text,
    p_model text
) returns text
language sql immutable parallel safe
return case
    when (p_token).token_hash is null then null
    when (p_token).expires_at <= p_now or not coalesce((p_key).visitors -> 'by' ? 'token', false)
        then 'visitor_token_expired'
    when (p_token).origin is not null and p_origin is distinct from (p_token).origin
        then 'origin_not_allowed'
    when p_model <> all((p_token).models) then 'model_not_allowed'
    when (p_token).uses_left < 1 then 'visitor_token_used_up'
end;

create or replace function gateway.usage_counts(
    p_requests numeric, p_prompt_tokens numeric, p_completion_tokens numeric, p_total_tokens numeric
) returns jsonb
language sql immutable parallel safe
return jsonb_build_object(
    'requests', coalesce(p_requests, 0),
    'prompt_tokens', coalesce(p_prompt_tokens, 0),
    'completion_tokens', coalesce(p_completion_tokens, 0),
    'total_tokens', coalesce(p_total_tokens, 0)
);

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

-- The limits of a visitor, and those of the pool, if there is one.
create or replace function gateway.visitor_limits(p_visitor gateway.visitor)
returns setof gateway.visitor_limit
language sql immutable parallel safe
begin atomic
    select
        v.id,
        v.is_pool,
        (p_visitor).tokens_per_day * v.share as tokens_per_day,
        (p_visitor).requests_per_min * v.share as requests_per_min
    from (
        values
        ((p_visitor).id, false, 1),
        ((p_visitor).pool, true, (p_visitor).pool_share)
    ) as v (id, is_pool, share)
    where v.id is not null;
end;

-- The calls in the whole window. Not in SQL: to call that takes longer than the sum.
create or replace function gateway.window_sum(p_counts integer[]) returns integer
language plpgsql immutable parallel safe
as $$
declare
    v_sum integer := 0;
    v_calls integer;
begin
    foreach v_calls in array p_counts loop
        v_sum := v_sum + v_calls;
    end loop;
    return v_sum;
end;
$$;

-- A driver may send the first and the last day of its calendar as infinity.
create or replace function gateway.within_calendar(p_day date) returns date
language sql immutable parallel safe
return least(greatest(p_day, date '0001-01-01'), date '9999-12-31');

-- Write what settling changes of a counter, if there is one. The caller has locked it.
create or replace function gateway.write_counter(p_counter gateway.key_counters) returns void
language plpgsql
as $$
begin
    if p_counter.api_key_id is null then
        return;
    end if;
    update gateway.key_counters as c
    set
        month_start = p_counter.month_start,
        tokens_used = p_counter.tokens_used,
        tokens_held = p_counter.tokens_held,
        requests = p_counter.requests
    where c.api_key_id = p_counter.api_key_id;
end;
$$;

-- After requests came in from elsewhere: a day of a visitor has at least what the log has of it. Of
-- pools the log knows nothing; their days come by themselves.
create or replace function gateway.add_up_visitors(p_rows jsonb) returns void
language plpgsql
as $$
begin
    insert into gateway.visitor_daily as d (
        day, api_key_id, visitor, is_pool,
        requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
    )
    select
        came.day,
        came.api_key_id,
        came.visitor,
        false,
        count(*),
        sum(l.prompt_tokens),
        sum(l.completion_tokens),
        sum(l.total_tokens),
        sum(l.charged_tokens)
    from (
        select distinct gateway.day_of(r.created_at) as day, r.api_key_id, r.visitor
        from jsonb_populate_recordset(null::gateway.usage_logs, p_rows) as r
    ) as came
    inner join gateway.usage_logs as l
        on
            came.api_key_id = l.api_key_id
            and came.visitor = l.visitor
            and l.created_at >= came.day::timestamp at time zone 'UTC'
            and l.created_at < (came.day + 1)::timestamp at time zone 'UTC'
    group by came.day, came.api_key_id, came.visitor
    on conflict (api_key_id, day, visitor) do update set
        requests = greatest(d.requests, excluded.requests),
        prompt_tokens = greatest(d.prompt_tokens, excluded.prompt_tokens),
        completion_tokens = greatest(d.completion_tokens, excluded.completion_tokens),
        total_tokens = greatest(d.total_tokens, excluded.total_tokens),
        charged_tokens = greatest(d.charged_tokens, excluded.charged_tokens);
end;
$$;

-- The id of an address on this day. Its secret is made on first sight, and goes with the day.
create or replace function gateway.address_id(p_salt uuid, p_day date, p_address text)
returns uuid
language plpgsql
as $$
declare
    v_secret uuid;
begin
    select s.secret into v_secret from gateway.address_secrets as s where s.day = p_day;
    if not found then
        insert into gateway.address_secrets (day) values (p_day) on conflict (day) do nothing;
        select s.secret into v_secret from gateway.address_secrets as s where s.day = p_day;
    end if;
    return gateway.visitor_id(v_secret, 'address', p_salt || ' ' || p_address);
end;
$$;

-- An alert as gateways and commands read it.
create or replace function gateway.alert_json(p_alert gateway.alerts) returns jsonb
language sql stable
return jsonb_build_object(
    'id', p_alert.id,
    'time', gateway.iso(p_alert.made_at),
    'kind', p_alert.kind,
    'state', p_alert.state,
    'level', p_alert.level,
    'about', p_alert.about
);

-- What this schema is made of: version and checksum of each step, as gateway.migrations has them.
-- Over RPC nobody sees that table.
create or replace function public.applied_migrations() returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.applied_migrations_at();
end;

-- Where a gateway never heard whether a request was let through, its asking may still be under way
-- while it is settled: a row of nobody's takes the place of the hold, which would stay for its
-- time-to-live. Whoever inserts here waits for an asking that is about to end.
create or replace function gateway.bar_holds(p_now timestamptz, p_settlements jsonb) returns void
language plpgsql
as $$
begin
    insert into gateway.holds (
        request_id, api_key_id, authorized_at, expires_at, released_at, tokens, granted,
        model, endpoint
    )
    select s.request_id, gateway.nobody(), p_now, p_now, p_now, 0, 0, '', ''
    from jsonb_to_recordset(p_settlements) as s (request_id uuid, key_id uuid, lent boolean)
    where s.key_id is null or s.lent
    order by s.request_id
    on conflict (request_id) do nothing;
end;
$$;

-- Something holds, at this level. It makes an alert if that is higher than what was told, or if
-- nobody has seen it for p_again (null: of keys, which everybody sees alike). p_told: the owner
-- knows of it already.
create or replace function gateway.begin_alert(
    p_now timestamptz,
    p_topic text,
    p_kind text,
    p_level integer,
    p_about jsonb,
    p_again interval default null,
    p_gateway uuid default null,
    p_told boolean default false
) returns boolean
language plpgsql
as $$
begin
    insert into gateway.alert_conditions as c (topic, level, since, seen_at, seen_by)
    values (p_topic, p_level, p_now, p_now, p_gateway)
    on conflict (topic) do update
        set level = excluded.level, since = p_now, seen_at = p_now, seen_by = excluded.seen_by
        where
            (
                c.level < excluded.level
                and (
                    c.level > 0
                    or p_again is null
                    or c.seen_at not between p_now - gateway.alert_rest() and p_now
                )
            )
            or c.seen_at not between p_now - p_again and p_now + p_again;
    if not found then
        update gateway.alert_conditions as c
        set seen_at = p_now, seen_by = p_gateway
        where c.topic = p_topic and c.level > 0;
        return false;
    end if;
    if not p_told then
        insert into gateway.alerts (made_at, kind, state, level, about)
        values (p_now, p_kind, 'began', p_level, p_about);
    end if;
    return true;
end;
$$;

-- The calls of a key in the rate window as it is at a bucket, without adding up those that stay.
-- Postgres inlines it.
create or replace function gateway.calls_at(p_counter gateway.key_counters, p_bucket bigint)
returns integer
language sql immutable parallel safe
return case
    when p_bucket - (p_counter).bucket between -60 and 0 then (p_counter).window_calls
    when p_bucket - (p_counter).bucket between 1 and 60
        then (p_counter).window_calls - gateway.window_sum(
            (p_counter).window_counts[62 - (p_bucket - (p_counter).bucket)::integer:61]
        )
    else 0
end;

-- The counts with one more request at p_to.
create or replace function gateway.count_in_window(
    p_counts integer[], p_from bigint, p_to bigint
) returns integer[]
language plpgsql immutable parallel safe
as $$
declare
    v_counts integer[] := gateway.shift_window(p_counts, p_from, p_to);
begin
    v_counts[1] := v_counts[1] + 1;
    return v_counts;
end;
$$;

-- The counters as they are at p_now: of this month. The window is moved on where it is read.
create or replace function gateway.counter_at(
    p_now timestamptz, p_counter gateway.key_counters
) returns gateway.key_counters
language plpgsql stable
as $$
declare
    v_month constant timestamptz := gateway.month_of(p_now);
begin
    if p_counter.month_start < v_month then
        p_counter.month_start := v_month;
        p_counter.tokens_used := 0;
        p_counter.tokens_held := 0;
        p_counter.requests := 0;
    end if;
    return p_counter;
end;
$$;

-- Something is over for a gateway. That makes an alert, unless another gateway saw it hold in the
-- last minutes. p_told: the owner knows already.
create or replace function gateway.end_alert(
    p_now timestamptz,
    p_topic text,
    p_kind text,
    p_about jsonb,
    p_gateway uuid,
    p_told boolean default false
) returns boolean
language plpgsql
as $$
declare
    v_since timestamptz;
begin
    update gateway.alert_conditions as c
    set level = 0, seen_at = p_now
    where
        c.topic = p_topic
        and c.level > 0
        and (
            c.seen_by is not distinct from p_gateway
            or c.seen_at not between p_now - interval '3 minutes' and p_now + interval '3 minutes'
        )
    returning c.since into v_since;
    if v_since is null then
        return false;
    end if;
    if not p_told then
        insert into gateway.alerts (made_at, kind, state, level, about)
        values (
            p_now,
            p_kind,
            'over',
            1,
            p_about || jsonb_build_object('since', gateway.iso(v_since))
        );
    end if;
    return true;
end;
$$;

-- Of a report: of the month to date, unless it is given.
create or replace function gateway.first_day(p_now timestamptz, p_from date, p_to date)
returns date
language sql immutable parallel safe
return gateway.within_calendar(
    coalesce(p_from, date_trunc('month', coalesce(p_to, gateway.day_of(p_now))::timestamp)::date)
);

-- Delete the failures that are too old to lock out, those of a clock that was wrong, and where they
-- are too many the oldest: whoever guesses from many addresses fills no disk.
create or replace function gateway.forget_failures(p_now timestamptz) returns void
language plpgsql
as $$
begin
    delete from gateway.admin_failures as f
    where
        f.failed_at <= p_now - (gateway.login_limits()).within
        or f.failed_at >= p_now + (gateway.login_limits()).within
        or f.failed_at <= (
            select k.failed_at from gateway.admin_failures as k
            order by k.failed_at desc
            offset (gateway.login_limits()).overall - 1
            limit 1
        );
end;
$$;

-- Visitors who were not here for 35 days go. So do tokens a day after their end, and addresses when
-- their day is over, with their attempts and secrets: nobody finds them again. Sums of visitors by
-- day stay as long as the log.
create or replace function gateway.forget_visitors(p_now timestamptz, p_kept_from timestamptz)
returns void
language plpgsql
as $$
begin
    delete from gateway.visitor_counters as c
    where
        c.seen_at < p_now - interval '35 days'
        and c.day < gateway.day_of(p_now - interval '35 days')
        and c.tokens_held = 0;
    delete from gateway.visitor_counters as c
    where
        c.kind in ('address', 'attempts')
        and c.day < gateway.day_of(p_now) - 1
        and c.tokens_held = 0;
    delete from gateway.visitor_tokens as t where t.expires_at < p_now - interval '1 day';
    delete from gateway.address_secrets as s where s.day < gateway.day_of(p_now) - 1;
    delete from gateway.visitor_daily as d where d.day < gateway.day_of(p_kept_from);
end;
$$;

create or replace function gateway.has_partition(p_month timestamptz) returns boolean
language sql -- volatile: after a wait it sees what was made meanwhile
return to_regclass('gateway.' || gateway.partition_of(p_month)) is not null;

-- What a broken constraint says: its name is a sentence.
create or replace function gateway.invalid(p_error text) returns jsonb
language sql immutable parallel safe
return gateway.refusal(
    'invalid', coalesce(translate(substring(p_error from 'constraint "(.*)"'), '_', ' '), p_error)
);

-- Whether a hold is of no use any more: nothing can be settled with it, or it keeps the place of
-- one whose asking cannot be under way, as none is for two minutes.
create or replace function gateway.is_over(p_hold gateway.holds, p_now timestamptz) returns boolean
language sql stable parallel safe
return (p_hold).released_at < p_now - gateway.settling_time()
or (
    (p_hold).api_key_id = gateway.nobody()
    and (p_hold).released_at < p_now - interval '2 minutes'
);

-- Write down what a preset is now, and forget what it was 20 versions ago.
create or replace function gateway.keep_preset_version(p_preset gateway.presets) returns void
language plpgsql
as $$
begin
    insert into gateway.preset_versions (name, version, content, updated_at)
    values (
        p_preset.name, p_preset.version, gateway.preset_content(p_preset), p_preset.updated_at
    );
    delete from gateway.preset_versions as v
    where v.name = p_preset.name and v.version <= p_preset.version - 20;
end;
$$;

-- Why a key may not do this, or null. p_scope: every scope that it needs, with spaces between. A
-- null origin or model is not checked. The website comes first: one where the key may not be used
-- learns nothing else of it.
create or replace function gateway.key_refusal(
    p_now timestamptz, p_key gateway.api_keys, p_scope text, p_origin text, p_model text
) returns text
language sql immutable parallel safe
return case
    when (p_key).id is null then 'invalid_api_key'
    when (p_key).revoked_at is not null or not (p_key).is_active then 'key_revoked'
    when (p_key).expires_at <= p_now then 'key_expired'
    when p_origin <> all(array_remove(nullif((p_key).allowed_origins, '{}'), null))
        then 'origin_not_allowed'
    when p_scope = '' or not string_to_array(p_scope, ' ') <@ (p_key).scopes then 'scope_missing'
    when not gateway.model_allowed(p_model, (p_key).allowed_models) then 'model_not_allowed'
end;

-- Of a report: today, unless it is given.
create or replace function gateway.last_day(p_now timestamptz, p_from date, p_to date)
returns date
language sql immutable parallel safe
return gateway.within_calendar(coalesce(p_to, greatest(p_from, gateway.day_of(p_now))));

-- Until when nobody from this address is let in: until so many of its failures have grown old that
-- fewer than the limit are left. Null: it is not locked out. What others fail at locks nobody out,
-- and what a clock that was wrong wrote down for later does not either.
create or replace function gateway.locked_out_until(p_now timestamptz, p_address text)
returns timestamptz
language sql stable
begin atomic
    select
        (array_agg(f.failed_at order by f.failed_at desc))[(gateway.login_limits()).per_address]
        + (gateway.login_limits()).within
    from gateway.admin_failures as f
    where
        f.address = p_address
        and f.failed_at > p_now - (gateway.login_limits()).within
        and f.failed_at < p_now + (gateway.login_limits()).within;
end;

-- A row of the request log as its owner sees it.
create or replace function gateway.log_json(p_row gateway.usage_logs) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'id', (p_row).request_id,
            'time', gateway.iso_ms((p_row).created_at),
            'api_key_id', (p_row).api_key_id,
            'key_name', (
                select k.label from gateway.api_keys as k where k.id = (p_row).api_key_id
            ),
            'visitor', (p_row).visitor,
            'route', (p_row).endpoint,
            'model', (p_row).model,
            'backend', (p_row).backend,
            'status', (p_row).status,
            'usage_source', (p_row).usage_source,
            'prompt_tokens', (p_row).prompt_tokens,
            'completion_tokens', (p_row).completion_tokens,
            'total_tokens', (p_row).total_tokens,
            'charged_tokens', (p_row).charged_tokens,
            'ttft_ms', (p_row).ttft_ms,
            'duration_ms', (p_row).duration_ms
        );
end;

-- The months that the log has, by the names of their partitions. Those that come last have none:
-- the default one has caught rows of them.
create or replace function gateway.log_months()
returns table (month timestamptz, name text)
language sql stable
begin atomic
    select
        make_timestamptz(
            split_part(c.relname, '_', 3)::integer,
            split_part(c.relname, '_', 4)::integer,
            1, 0, 0, 0, 'UTC'
        ) as month,
        c.relname::text as name
    from pg_catalog.pg_inherits as i
    inner join pg_catalog.pg_class as c on i.inhrelid = c.oid
    where
        i.inhparent = 'gateway.usage_logs'::regclass
        and c.relname ~ '^usage_logs_[0-9]{4,}_[0-9]{2}$'
    union all
    select
        caught.month,
        'usage_logs_default (' || to_char(caught.month at time zone 'UTC', 'YYYY-MM') || ')' as name
    from (
        select distinct gateway.month_of(d.created_at) as month
        from gateway.usage_logs_default as d
    ) as caught
    order by 2;
end;

-- The statement of gateway.log_rows.
create or replace function gateway.log_query(
    p_filter jsonb, p_time timestamptz, p_id uuid, p_limit integer
) returns text
language sql stable
begin atomic
    select
        concat(
            'select l.* from gateway.usage_logs as l where true',
            string_agg(gateway.log_condition(f.name, f.value), '' order by f.name),
            case
                when p_id is not null then format(
                    ' and (l.created_at, l.request_id) < (%L::timestamptz, %L::uuid)', p_time, p_id
                )
            end,
            ' order by l.created_at desc, l.request_id desc limit ',
            p_limit::text
        )
    from jsonb_each_text(coalesce(p_filter, '{}')) as f (name, value);
end;

-- The hold as it would be, had it been lost: nothing held. Null if the request has been counted,
-- or nothing is known of it.
create or replace function gateway.lost_hold(
    p_now timestamptz,
    p_request_id uuid,
    p_key_id uuid,
    p_authorized_at timestamptz,
    p_model text,
    p_endpoint text,
    p_visitor uuid,
    p_pool uuid
) returns gateway.holds
language plpgsql
as $$
declare
    v_hold gateway.holds;
begin
    if not exists (select 1 from gateway.api_keys as k where k.id = p_key_id)
        or gateway.is_counted(p_request_id, p_key_id)
    then
        return null;
    end if;
    v_hold.request_id := p_request_id;
    v_hold.api_key_id := p_key_id;
    v_hold.authorized_at := greatest(
        least(coalesce(p_authorized_at, p_now), p_now), p_now - gateway.settling_time()
    );
    v_hold.tokens := 0;
    v_hold.model := coalesce(p_model, '');
    v_hold.endpoint := coalesce(p_endpoint, '');
    v_hold.visitor := p_visitor;
    v_hold.pool := p_pool;
    return v_hold;
end;
$$;

-- Make the token of a visitor for a key. It narrows what the key may do, and never widens it.
create or replace function gateway.make_visitor_token(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_token_hash text,
    p_visitor text,
    p_expires_in integer,
    p_uses integer,
    p_max_output_tokens integer,
    p_models text[],
    p_page text,
    p_pool uuid default null
) returns jsonb
language plpgsql
as $$
declare
    v_token gateway.visitor_tokens;
    v_model text;
begin
    if not coalesce(p_key.visitors -> 'by' ? 'token', false) then
        return gateway.refusal('visitors_by_token_off', '');
    end if;
    select m.name into v_model
    from unnest(p_models) as m (name)
    where not gateway.model_allowed(m.name, p_key.allowed_models)
    limit 1;
    if v_model is not null then
        return gateway.refusal('model_not_allowed', v_model);
    end if;
    if p_page <> all(p_key.allowed_origins) then
        return gateway.refusal('invalid', 'This key may not be used by that website.');
    end if;
    insert into gateway.visitor_tokens as t (
        token_hash,
        api_key_id,
        visitor,
        name,
        created_at,
        expires_at,
        uses_left,
        max_output_tokens,
        models,
        origin,
        pool
    ) values (
        p_token_hash,
        p_key.id,
        gateway.visitor_id(p_key.visitor_salt, 'token', p_visitor),
        case when (p_key.visitors ->> 'keep_names')::boolean then p_visitor end,
        p_now,
        least(p_now + p_expires_in * interval '1 second', p_key.expires_at),
        p_uses,
        p_max_output_tokens,
        p_models,
        p_page,
        p_pool
    ) on conflict (token_hash) do update set token_hash = excluded.token_hash -- asked again
    returning t.* into v_token;
    return jsonb_build_object(
        'expires_at', gateway.iso(v_token.expires_at), 'visitor', p_visitor
    );
end;
$$;

-- When the next month begins, in UTC.
create or replace function gateway.month_after(p_time timestamptz) returns timestamptz
language sql immutable parallel safe
return (gateway.month_of(p_time) at time zone 'UTC' + interval '1 month') at time zone 'UTC';

create or replace function gateway.note_deliveries_at(p_now timestamptz, p_attempts jsonb)
returns jsonb
language plpgsql
as $$
declare
    v_noted integer;
begin
    update gateway.alert_deliveries as d
    set
        delivered_at = case when n.problem is null then p_now end,
        due_at = p_now + gateway.alert_pause(d.attempts),
        problem = left(n.problem, 200)
    from jsonb_to_recordset(p_attempts) as n (id uuid, channel text, problem text)
    where d.alert_id = n.id and d.channel = n.channel and d.delivered_at is null;
    get diagnostics v_noted = row_count;
    return jsonb_build_object('noted', v_noted);
end;
$$;

-- Make the counter of a visitor that of p_day, from what the daily roll-up and the holds have of
-- it; on first sight, there is none yet. What was counted on a day before a clock went ahead and
-- came back is found again. The caller has the lock of the key's counter, and adds what p_request
-- holds.
create or replace function gateway.open_visitor(
    p_now timestamptz,
    p_day date,
    p_key_id uuid,
    p_visitor gateway.visitor,
    p_limit gateway.visitor_limit,
    p_request uuid
) returns void
language plpgsql
as $$
begin
    insert into gateway.visitor_counters as c (
        api_key_id, id, is_pool, kind, name, day, tokens_used, requests, tokens_held, seen_at
    )
    select
        p_key_id,
        p_limit.id,
        p_limit.is_pool,
        p_visitor.kind,
        p_visitor.name,
        p_day,
        coalesce(sum(u.charged_tokens), 0),
        coalesce(sum(u.requests), 0),
        (
            select coalesce(sum(h.tokens), 0)
            from gateway.holds as h
            where
                h.api_key_id = p_key_id
                and p_limit.id in (h.visitor, h.pool)
                and h.request_id <> p_request
                and gateway.day_of(h.authorized_at) = p_day
        ),
        p_now
    from gateway.visitor_daily as u
    where u.api_key_id = p_key_id and u.visitor = p_limit.id and u.day = p_day
    on conflict (api_key_id, id) do update set
        day = excluded.day,
        tokens_used = excluded.tokens_used,
        requests = excluded.requests,
        tokens_held = excluded.tokens_held;
end;
$$;

create or replace function gateway.owner_figures_at(p_now timestamptz, p_keys uuid[])
returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'keys', (
                select coalesce(jsonb_object_agg(k.id, k.label), '{}')
                from gateway.api_keys as k
                where k.id = any(p_keys)
            ),
            'today', gateway.figures_since(gateway.day_of(p_now)),
            'month', gateway.figures_since(gateway.day_of(gateway.month_of(p_now)))
        );
end;

-- What is wrong with a parameter of a preset; null: nothing.
create or replace function gateway.parameter_problem(p_name text, p_value jsonb) returns text
language sql immutable parallel safe
return case p_name
    when 'max_output_tokens' then gateway.number_problem(p_value, 1, 1000000000, true)
    when 'temperature' then gateway.number_problem(p_value, 0, 2, false)
    when 'top_p' then gateway.number_problem(p_value, 0, 1, false)
    when 'min_p' then gateway.number_problem(p_value, 0, 1, false)
    when 'top_k' then gateway.number_problem(p_value, 0, 100000, true)
    when 'seed' then gateway.number_problem(p_value, 0, 2147483647, true)
    when 'frequency_penalty' then gateway.number_problem(p_value, -2, 2, false)
    when 'presence_penalty' then gateway.number_problem(p_value, -2, 2, false)
    when 'stop' then gateway.texts_problem(p_value, 16, 100)
    when 'think'
        then
            case when jsonb_typeof(p_value) <> 'boolean' then 'should be true or false' end
    when 'format'
        then
            case
                when p_value <> '"json"' and jsonb_typeof(p_value) <> 'object'
                    then 'should be "json" or a JSON schema'
            end
    else
        'is unknown: the parameters are max_output_tokens, temperature, top_p, min_p, top_k, seed, '
        || 'frequency_penalty, presence_penalty, stop, think and format'
end;

-- Make the secret for the addresses of the next day, where there are visitors by address, before
-- anybody needs it: who waits for another to make it may hold a lock that the other waits for.
create or replace function gateway.prepare_secret(p_now timestamptz) returns void
language plpgsql
as $$
begin
    insert into gateway.address_secrets (day)
    select gateway.day_of(p_now + interval '1 hour')
    from gateway.address_secrets as s
    where s.day = gateway.day_of(p_now)
    on conflict (day) do nothing;
end;
$$;

-- A preset as administrators see it.
create or replace function gateway.preset_json(p_preset gateway.presets) returns jsonb
language sql stable
return jsonb_build_object(
    'name', (p_preset).name,
    'version', (p_preset).version,
    'model', (p_preset).model,
    'system', (p_preset).system,
    'parameters', (p_preset).parameters,
    'template', (p_preset).template,
    'variables', (p_preset).variables,
    'locked', (p_preset).locked,
    'created_at', gateway.iso((p_preset).created_at),
    'updated_at', gateway.iso((p_preset).updated_at)
);

-- A refusal that is about one field. p_problem: what is wrong with it.
create or replace function gateway.preset_refusal(p_field text, p_problem text) returns jsonb
language sql immutable parallel safe
return gateway.refusal('invalid', format('%s %s.', p_field, p_problem))
|| jsonb_build_object('param', p_field);

-- Give back to its key, and its visitor, what a hold has of the month and the day that are counted
-- now.
create or replace function gateway.release_hold(p_hold gateway.holds) returns void
language plpgsql
as $$
begin
    if p_hold.visitor is not null then -- no visitor's counter is changed without this lock
        perform 1 from gateway.key_counters as c
        where c.api_key_id = p_hold.api_key_id
        for update;
        update gateway.visitor_counters as c
        set tokens_held = c.tokens_held - p_hold.tokens
        where
            c.api_key_id = p_hold.api_key_id
            and c.id in (p_hold.visitor, p_hold.pool)
            and c.day = gateway.day_of(p_hold.authorized_at);
    end if;
    update gateway.key_counters as c
    set tokens_held = c.tokens_held - p_hold.tokens
    where
        c.api_key_id = p_hold.api_key_id
        and c.month_start = gateway.month_of(p_hold.authorized_at);
end;
$$;

-- Count what came of a hold for its visitor and the pool. The caller has the lock of the key's
-- counter.
create or replace function gateway.settle_visitor(
    p_hold gateway.holds, p_prompt_tokens bigint, p_completion_tokens bigint, p_charged bigint
) returns void
language plpgsql
as $$
declare
    v_day constant date := gateway.day_of(p_hold.authorized_at);
begin
    insert into gateway.visitor_daily as d (
        day, api_key_id, visitor, is_pool,
        requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
    )
    select
        v_day, p_hold.api_key_id, v.id, v.is_pool,
        1,
        p_prompt_tokens,
        p_completion_tokens,
        p_prompt_tokens + p_completion_tokens,
        p_charged
    from (values (p_hold.visitor, false), (p_hold.pool, true)) as v (id, is_pool)
    where v.id is not null
    on conflict (api_key_id, day, visitor) do update set
        requests = d.requests + 1,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        total_tokens = d.total_tokens + excluded.total_tokens,
        charged_tokens = d.charged_tokens + excluded.charged_tokens;

    update gateway.visitor_counters as c
    set
        tokens_used = c.tokens_used + p_charged,
        tokens_held = c.tokens_held - p_hold.tokens,
        requests = c.requests + 1
    where
        c.api_key_id = p_hold.api_key_id
        and c.id in (p_hold.visitor, p_hold.pool)
        and c.day = v_day;
end;
$$;

-- What a key has left in a month: its limit, less what is used and held. Below 0 if the limit was
-- lowered.
create or replace function gateway.tokens_left(
    p_key gateway.api_keys, p_counter gateway.key_counters, p_month timestamptz
) returns bigint
language sql immutable parallel safe
return (p_key).monthly_token_limit
- gateway.carried(
    (p_counter).tokens_used + (p_counter).tokens_held, (p_counter).month_start, p_month
);

-- The time by which to decide: Postgres' own, unless a gateway tells quite another. Postgres
-- inlines it.
create or replace function gateway.true_now(p_now timestamptz, p_clock timestamptz)
returns timestamptz
language sql stable
return case
    when
        p_clock is null
        or p_clock between p_now - interval '1 hour' and p_now + interval '1 hour'
        then p_now
    else gateway.nearer_clock(p_now, p_clock)
end;

create or replace function gateway.unknown_key() returns jsonb
language sql immutable parallel safe
return gateway.refusal('not_found', 'There is no key with this id.');

create or replace function gateway.unknown_kind() returns jsonb
language sql immutable parallel safe
return gateway.refusal(
    'invalid',
    'The kinds are keys, retired_keys, counters, daily, visitor_daily, logs, presets and '
    || 'preset_versions.'
);

create or replace function gateway.unknown_preset() returns jsonb
language sql immutable parallel safe
return gateway.refusal('not_found', 'There is no preset of this name.');

-- What a report adds up, of one key or of all (null). By p_source:
--   daily     the roll-up alone, so that a report of a year ago says the same before and after the
--             log of that year was dropped;
--   visitors  the roll-up of visitors, which has no model; their pools are left out, since the
--             visitors are there;
--   log       the log itself, since no roll-up has the hour (UTC).
create or replace function gateway.usage_source(
    p_source text, p_key_id uuid, p_first date, p_last date
) returns table (
    hour timestamptz,
    day date,
    api_key_id uuid,
    model text,
    visitor uuid,
    requests bigint,
    prompt_tokens bigint,
    completion_tokens bigint,
    total_tokens bigint
)
language sql stable
begin atomic
    select
        null::timestamptz as hour, d.day, d.api_key_id, d.model, null::uuid as visitor,
        d.requests, d.prompt_tokens, d.completion_tokens, d.total_tokens
    from gateway.usage_daily as d
    where
        p_source = 'daily'
        and (p_key_id is null or d.api_key_id = p_key_id)
        and d.day between p_first and p_last
    union all
    select
        null as hour, d.day, d.api_key_id, null as model, d.visitor,
        d.requests, d.prompt_tokens, d.completion_tokens, d.total_tokens
    from gateway.visitor_daily as d
    where
        p_source = 'visitors'
        and not d.is_pool
        and (p_key_id is null or d.api_key_id = p_key_id)
        and d.day between p_first and p_last
    union all
    select
        date_trunc('hour', l.created_at, 'UTC') as hour, gateway.day_of(l.created_at) as day,
        l.api_key_id, l.model, l.visitor,
        1 as requests, l.prompt_tokens, l.completion_tokens, l.total_tokens
    from gateway.usage_logs as l
    where
        p_source = 'log'
        and (p_key_id is null or l.api_key_id = p_key_id)
        and l.created_at >= gateway.start_of(p_first)
        and l.created_at < gateway.start_of(p_last + 1);
end;

-- What is wrong with the description of a variable; null: nothing. It has the words of JSON Schema,
-- and bounds: {"type": "string", "maxLength": 80}, {"type": "integer", "minimum": 1, "maximum": 9},
-- the same with "number", or {"enum": ["red", "blue"]}.
create or replace function gateway.variable_problem(p_name text, p_schema jsonb) returns text
language sql immutable parallel safe
return case
    when p_name !~ '^[A-Za-z_][A-Za-z0-9_]{0,39}$'
        then 'has a name that is not 1 to 40 letters, digits and underscores'
    when jsonb_typeof(p_schema) <> 'object' then 'should be an object'
    when p_schema ? 'enum'
        then
            case
                when p_schema - '{type,enum}'::text[] <> '{}' or p_schema ->> 'type' <> 'string'
                    then 'has a field beside enum'
                else gateway.texts_problem(p_schema -> 'enum', 100, 200)
            end
    when p_schema ->> 'type' = 'string'
        then
            case
                when p_schema - '{type,maxLength}'::text[] <> '{}'
                    then 'has a field beside type and maxLength'
                else 'maxLength ' || gateway.number_problem(p_schema -> 'maxLength', 1, 10000, true)
            end
    when p_schema ->> 'type' in ('integer', 'number')
        then
            case
                when p_schema - '{type,minimum,maximum}'::text[] <> '{}'
                    then 'has a field beside type, minimum and maximum'
                else coalesce(
                    'minimum ' || gateway.number_problem(
                        p_schema -> 'minimum', -1e15, 1e15, p_schema ->> 'type' = 'integer'
                    ),
                    'maximum ' || gateway.number_problem(
                        p_schema -> 'maximum', -1e15, 1e15, p_schema ->> 'type' = 'integer'
                    ),
                    case
                        when (p_schema ->> 'minimum')::numeric > (p_schema ->> 'maximum')::numeric
                            then 'has a minimum above its maximum'
                    end
                )
            end
    else 'should be of the type string, integer or number, or have an enum'
end;

-- The counter of a visitor as it is at p_now: of this day, with the window moved on to p_moment.
-- One that does not exist yet is empty, and so is one of another day until gateway.open_visitor has
-- moved it. A day that begins within the hour has begun while this call was on its way.
create or replace function gateway.visitor_counter_at(
    p_now timestamptz, p_moment timestamptz, p_key_id uuid, p_limit gateway.visitor_limit
) returns gateway.visitor_counters
language plpgsql
as $$
declare
    v_counter gateway.visitor_counters;
    v_bucket constant bigint := gateway.bucket_of(p_moment);
begin
    select c.* into v_counter
    from gateway.visitor_counters as c
    where c.api_key_id = p_key_id and c.id = p_limit.id;
    if not found
        or v_counter.day < gateway.day_of(p_now)
        or v_counter.day > gateway.day_of(p_now + interval '1 hour')
    then
        v_counter.day := gateway.day_of(p_now);
        v_counter.tokens_used := 0;
        v_counter.tokens_held := 0;
    end if;
    v_counter.window_counts := gateway.shift_window(
        coalesce(v_counter.window_counts, array_fill(0, array[61])),
        coalesce(v_counter.bucket, v_bucket),
        v_bucket
    );
    v_counter.bucket := gateway.newest_bucket(coalesce(v_counter.bucket, v_bucket), v_bucket);
    return v_counter;
end;
$$;

-- Whose users are visitors of which key: {"data": [{"key_id", "issuer", "audience"}]}.
create or replace function public.visitor_issuers() returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.visitor_issuers_at(now());
end;

-- The most tokens that a request of a visitor can be charged, on the day of its hold: what it held,
-- and what else is left. Of a day that is over, the roll-up and the holds tell it. Null: there is
-- no limit. The hold itself is deleted.
create or replace function gateway.visitor_most(p_hold gateway.holds) returns bigint
language sql stable
begin atomic
    select (p_hold).tokens + min(greatest(0, o.others))
    from (
        select
            case
                when c.day = gateway.day_of((p_hold).authorized_at)
                    then c.token_limit - c.tokens_used - c.tokens_held
                else
                    c.token_limit
                    - (p_hold).tokens
                    - (
                        select coalesce(sum(d.charged_tokens), 0)::bigint
                        from gateway.visitor_daily as d
                        where
                            d.api_key_id = c.api_key_id
                            and d.visitor = c.id
                            and d.day = gateway.day_of((p_hold).authorized_at)
                    )
                    - (
                        select coalesce(sum(h.tokens), 0)::bigint
                        from gateway.holds as h
                        where
                            h.api_key_id = c.api_key_id
                            and c.id in (h.visitor, h.pool)
                            and gateway.day_of(h.authorized_at)
                            = gateway.day_of((p_hold).authorized_at)
                    )
            end as others
        from gateway.visitor_counters as c
        where
            c.api_key_id = (p_hold).api_key_id
            and c.id in ((p_hold).visitor, (p_hold).pool)
            and c.token_limit is not null
    ) as o;
end;

-- What is wrong with the visitors of a key, for who sets them; null: nothing. They are
-- {"by": ["address"|"token"|"issuer", …], "tokens_per_day", "requests_per_min",
-- "max_output_tokens", "issuer", "audience", "anonymous": {limits} | null,
-- "plans": {name: {limits}}, "keep_names": boolean}. What is left out, or null, is no limit.
create or replace function gateway.visitors_problem(p_visitors jsonb) returns text
language plpgsql immutable parallel safe
as $$
declare
    v_by constant jsonb := p_visitors -> 'by';
    v_plan record;
    v_problem text;
begin
    if p_visitors is null or jsonb_typeof(p_visitors) = 'null' then
        return null;
    end if;
    v_problem := gateway.limits_problem(
        p_visitors, 'visitors', '{by,issuer,audience,anonymous,plans,keep_names}'
    );
    if v_problem is not null then
        return v_problem;
    end if;
    if jsonb_typeof(v_by) is distinct from 'array' or v_by = '[]'
        or not v_by <@ '["address", "token", "issuer"]'
        or jsonb_array_length(v_by) > (
            select count(distinct b.name) from jsonb_array_elements(v_by) as b (name)
        )
    then
        return 'visitors.by should be a list of some of: address, token, issuer, each once.';
    end if;
    if v_by ? 'issuer' then
        if not coalesce(
            p_visitors ->> 'issuer' ~ '^https?://[^\s/?#@]+[^\s?#@]*$'
            and length(p_visitors ->> 'issuer') <= 300
            and jsonb_typeof(p_visitors -> 'audience') = 'string'
            and length(p_visitors ->> 'audience') between 1 and 300,
            false
        ) then
            return 'visitors.issuer should be the address of who signs the tokens, as their "iss" '
            || 'has it, and visitors.audience what their "aud" has.';
        end if;
    elsif jsonb_path_exists(p_visitors, '$.keyvalue() ? (@.value != null).key ? (
        @ == "issuer" || @ == "audience" || @ == "anonymous" || @ == "plans"
    )') then
        return 'visitors.issuer, audience, anonymous and plans need "issuer" among visitors.by.';
    end if;
    if jsonb_typeof(p_visitors -> 'keep_names') not in ('boolean', 'null') then
        return 'visitors.keep_names should be true or false.';
    end if;
    if jsonb_typeof(p_visitors -> 'anonymous') <> 'null' then
        v_problem := gateway.limits_problem(p_visitors -> 'anonymous', 'visitors.anonymous');
    end if;
    if v_problem is null and jsonb_typeof(p_visitors -> 'plans') <> 'null' then
        if jsonb_typeof(p_visitors -> 'plans') <> 'object' then
            return 'visitors.plans should be an object.';
        end if;
        for v_plan in
            select p.name, p.limits from jsonb_each(p_visitors -> 'plans') as p (name, limits)
        loop
            v_problem := coalesce(
                v_problem,
                case
                    when v_plan.name !~ '^[a-z0-9_-]{1,50}$' then
                        'The name of a plan should have 1 to 50 of a-z, 0-9, - and _.'
                end,
                gateway.limits_problem(v_plan.limits, 'visitors.plans.' || v_plan.name)
            );
        end loop;
        if length((p_visitors -> 'plans')::text) > 10000 then
            return 'visitors.plans should have fewer plans.';
        end if;
    end if;
    return v_problem;
end;
$$;

-- Milliseconds until the window is empty again, if nothing more comes.
create or replace function gateway.window_reset_ms(p_bucket bigint, p_now timestamptz)
returns integer
language sql stable parallel safe
return gateway.ms_until_bucket(p_bucket + 61, p_now);

-- Milliseconds until enough buckets have left for one more request; 0 if there is room now.
create or replace function gateway.window_wait_ms(
    p_counts integer[], p_bucket bigint, p_limit integer, p_now timestamptz
) returns integer
language sql stable parallel safe
return case
    when gateway.window_sum(p_counts) < p_limit then 0
    else (
        select greatest(1, gateway.ms_until_bucket(p_bucket - max(age.n) + 62, p_now))
        from (
            select w.n::integer as n, sum(w.calls) over (order by w.n) - w.calls as younger
            from unnest(p_counts) with ordinality as w (calls, n)
        ) as age
        where age.younger < p_limit
    )
end;

-- Write what requests came to, if there are any, in the log and by day. The caller has the locks of
-- their keys' counters.
create or replace function gateway.write_logs(p_logs gateway.usage_logs[]) returns void
language plpgsql
as $$
begin
    if cardinality(p_logs) = 0 then
        return;
    end if;
    insert into gateway.usage_logs select l.* from unnest(p_logs) as l;

    insert into gateway.usage_daily as d (
        day, api_key_id, model,
        requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
    )
    select
        gateway.day_of(l.created_at),
        l.api_key_id,
        l.model,
        count(*),
        sum(l.prompt_tokens),
        sum(l.completion_tokens),
        sum(l.total_tokens),
        sum(l.charged_tokens)
    from unnest(p_logs) as l
    group by gateway.day_of(l.created_at), l.api_key_id, l.model
    on conflict (api_key_id, day, model) do update set
        requests = d.requests + excluded.requests,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        total_tokens = d.total_tokens + excluded.total_tokens,
        charged_tokens = d.charged_tokens + excluded.charged_tokens;
end;
$$;

-- After days or requests came in from elsewhere: a day has at least what the log has of it, and a
-- counter at least what the days of its month have. Nothing is set back, and doing it again changes
-- nothing.
create or replace function gateway.add_up(p_kind text, p_rows jsonb) returns void
language plpgsql
as $$
begin
    if p_kind = 'logs' then
        insert into gateway.usage_daily as d (
            day, api_key_id, model,
            requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
        )
        select
            came.day,
            came.api_key_id,
            came.model,
            count(*),
            sum(l.prompt_tokens),
            sum(l.completion_tokens),
            sum(l.total_tokens),
            sum(l.charged_tokens)
        from (
            select distinct gateway.day_of(r.created_at) as day, r.api_key_id, r.model
            from jsonb_populate_recordset(null::gateway.usage_logs, p_rows) as r
        ) as came
        inner join gateway.usage_logs as l
            on
                came.api_key_id = l.api_key_id
                and came.model = l.model
                and l.created_at >= came.day::timestamp at time zone 'UTC'
                and l.created_at < (came.day + 1)::timestamp at time zone 'UTC'
        group by came.day, came.api_key_id, came.model
        on conflict (api_key_id, day, model) do update set
            requests = greatest(d.requests, excluded.requests),
            prompt_tokens = greatest(d.prompt_tokens, excluded.prompt_tokens),
            completion_tokens = greatest(d.completion_tokens, excluded.completion_tokens),
            total_tokens = greatest(d.total_tokens, excluded.total_tokens),
            charged_tokens = greatest(d.charged_tokens, excluded.charged_tokens);
        perform gateway.add_up_visitors(p_rows);
    end if;

    -- A counter of another day is made anew from the days (gateway.open_visitor).
    update gateway.visitor_counters as c
    set
        tokens_used = greatest(c.tokens_used, d.charged_tokens),
        requests = greatest(c.requests, d.requests)
    from gateway.visitor_daily as d
    where
        p_kind <> 'daily'
        and d.api_key_id in (
            select (r.one ->> 'api_key_id')::uuid from jsonb_array_elements(p_rows) as r (one)
        )
        and c.api_key_id = d.api_key_id
        and c.id = d.visitor
        and c.day = d.day;

    update gateway.key_counters as c
    set
        tokens_used = greatest(c.tokens_used, m.tokens),
        requests = greatest(c.requests, m.requests)
    from (
        select
            d.api_key_id,
            gateway.month_of(d.day::timestamp at time zone 'UTC') as month,
            sum(d.charged_tokens)::bigint as tokens,
            sum(d.requests)::bigint as requests
        from gateway.usage_daily as d
        where
            d.api_key_id in (
                select (r.one ->> 'api_key_id')::uuid from jsonb_array_elements(p_rows) as r (one)
            )
        group by 1, 2
    ) as m
    where c.api_key_id = m.api_key_id and c.month_start = m.month;
end;
$$;

-- A source of gateway.usage_source, added up by what p_group_by names; a row has only that. By
-- visitor there are only their calls. Days of visitors come with the name that the site gave, as
-- long as the visitor's counter is there and the site wants it kept; the name is found by the key.
create or replace function gateway.added_up_usage(
    p_now timestamptz, p_key_id uuid, p_from date, p_to date, p_group_by text[], p_source text
) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'from', gateway.first_day(p_now, p_from, p_to),
            'to', gateway.last_day(p_now, p_from, p_to),
            'group_by', p_group_by,
            'data',
            coalesce(
                jsonb_agg(
                    jsonb_strip_nulls(
                        jsonb_build_object(
                            'month', g.month,
                            'date', g.day,
                            'hour', gateway.iso(g.hour),
                            'api_key_id', case when 'key' = any(p_group_by) then g.api_key_id end,
                            'model', g.model,
                            'visitor', g.visitor
                        )
                    )
                    || case
                        when p_source = 'visitors' then jsonb_build_object('visitor_name', c.name)
                        else '{}'
                    end
                    || gateway.usage_counts(
                        g.requests, g.prompt_tokens, g.completion_tokens, g.total_tokens
                    )
                    order by g.month, g.day, g.hour, g.api_key_id, g.model, g.visitor
                ),
                '[]'
            ),
            'total',
            gateway.usage_counts(
                sum(g.requests),
                sum(g.prompt_tokens),
                sum(g.completion_tokens),
                sum(g.total_tokens)
            )
        )
    from (
        select
            case when 'month' = any(p_group_by) then to_char(u.day::timestamp, 'YYYY-MM') end
                as month,
            case when 'day' = any(p_group_by) then u.day end as day,
            u.hour,
            case when 'key' = any(p_group_by) or p_source = 'visitors' then u.api_key_id end
                as api_key_id,
            case when 'model' = any(p_group_by) then u.model end as model,
            case when 'visitor' = any(p_group_by) then u.visitor end as visitor,
            sum(u.requests) as requests,
            sum(u.prompt_tokens) as prompt_tokens,
            sum(u.completion_tokens) as completion_tokens,
            sum(u.total_tokens) as total_tokens
        from
            gateway.usage_source(
                p_source,
                p_key_id,
                gateway.first_day(p_now, p_from, p_to),
                gateway.last_day(p_now, p_from, p_to)
            ) as u
        where u.visitor is not null or p_source = 'daily' or 'visitor' <> all(p_group_by)
        group by 1, 2, 3, 4, 5, 6
    ) as g
    left join gateway.visitor_counters as c
        on p_source = 'visitors' and g.api_key_id = c.api_key_id and g.visitor = c.id;
end;

-- One attempt at a time is decided, right or wrong: guesses sent all at once gain nothing. What is
-- locked out is not counted, so the table stays small and waiting always helps.
create or replace function gateway.admin_login_at(
    p_now timestamptz, p_address text, p_matched boolean
) returns jsonb
language plpgsql
as $$
declare
    v_address constant text := gateway.failure_address(p_address);
    v_locked_until timestamptz;
    v_allowed boolean := false;
begin
    -- A crash may forget the last failures; no attempt waits for the disk.
    perform set_config('synchronous_commit', 'off', true);
    perform pg_advisory_xact_lock(hashtextextended('gateway.admin_login', 0));

    v_locked_until := gateway.locked_out_until(p_now, v_address);
    if v_locked_until is null then
        v_allowed := coalesce(p_matched, false);
        if not v_allowed then
            perform gateway.forget_failures(p_now);
            insert into gateway.admin_failures (address, failed_at) values (v_address, p_now);
            v_locked_until := gateway.locked_out_until(p_now, v_address);
            if v_locked_until is not null then
                perform gateway.begin_alert(
                    p_now,
                    'guesses/admin',
                    'guesses',
                    1,
                    jsonb_build_object('of', 'admin_secret', 'address', v_address),
                    interval '1 hour'
                );
            end if;
        end if;
    end if;
    return jsonb_build_object(
        'allowed', v_allowed,
        'retry_after_ms', ceil(extract(epoch from v_locked_until - p_now) * 1000)::integer
    );
end;
$$;

-- The deliveries that the caller shall attempt now, a few at most: those first that were attempted
-- least, oldest first. Nobody else gets them before the lease is over.
create or replace function gateway.claim_deliveries(p_now timestamptz, p_channels text[])
returns jsonb
language plpgsql
as $$
declare
    v_claimed jsonb;
begin
    with due as (
        select a.id, c.channel
        from gateway.alert_channels as c
        inner join gateway.alerts as a on a.number > c.told_after
        left join gateway.alert_deliveries as d on a.id = d.alert_id and c.channel = d.channel
        where
            c.channel = any(p_channels)
            and (
                d.alert_id is null
                or (d.delivered_at is null and gateway.is_due(p_now, d.due_at))
            )
        order by coalesce(d.attempts, 0), a.number, c.channel
        limit 5
    ),

    claimed as (
        insert into gateway.alert_deliveries as d (alert_id, channel, attempts, due_at)
        select due.id, due.channel, 1, p_now + gateway.alert_lease()
        from due
        on conflict (alert_id, channel) do update
            set attempts = d.attempts + 1, due_at = excluded.due_at
            where d.delivered_at is null and gateway.is_due(p_now, d.due_at)
        returning d.alert_id, d.channel
    )

    select jsonb_agg(gateway.alert_json(a) || jsonb_build_object('channel', c.channel)
        order by a.number, c.channel
    )
    into v_claimed
    from claimed as c
    inner join gateway.alerts as a on c.alert_id = a.id;
    return coalesce(v_claimed, '[]');
end;
$$;

-- Count one more attempt of an address to get a token for this key, if it may make one; otherwise
-- the milliseconds until it may. p_id has the day in it, so its counter is of one day.
create or replace function gateway.count_attempt(
    p_now timestamptz,
    p_moment timestamptz,
    p_key_id uuid,
    p_id uuid,
    p_per_minute integer,
    p_per_day integer
) returns integer
language plpgsql
as $$
declare
    v_bucket constant bigint := gateway.bucket_of(p_moment);
    v_counter gateway.visitor_counters;
begin
    insert into gateway.visitor_counters as c (
        api_key_id, id, is_pool, kind, day, requests, bucket, window_counts, seen_at
    ) values (
        p_key_id,
        p_id,
        true,
        'attempts',
        gateway.day_of(p_now),
        1,
        v_bucket,
        gateway.count_in_window(array_fill(0, array[61]), v_bucket, v_bucket),
        p_now
    ) on conflict (api_key_id, id) do update set
        requests = c.requests + 1,
        window_counts = gateway.count_in_window(c.window_counts, c.bucket, v_bucket),
        bucket = gateway.newest_bucket(c.bucket, v_bucket),
        seen_at = greatest(c.seen_at, excluded.seen_at)
    where
        c.requests < p_per_day
        and gateway.window_sum(gateway.shift_window(c.window_counts, c.bucket, v_bucket))
        < p_per_minute;
    if found then
        return null;
    end if;

    select c.* into v_counter
    from gateway.visitor_counters as c
    where c.api_key_id = p_key_id and c.id = p_id;
    if v_counter.requests >= p_per_day then
        return gateway.ms_between(p_now, gateway.start_of(v_counter.day + 1));
    end if;
    return gateway.window_wait_ms(
        gateway.shift_window(v_counter.window_counts, v_counter.bucket, v_bucket),
        gateway.newest_bucket(v_counter.bucket, v_bucket),
        p_per_minute,
        p_moment
    );
end;
$$;

create or replace function gateway.create_visitor_token_at(
    p_now timestamptz,
    p_key_hash text,
    p_origin text,
    p_token_hash text,
    p_visitor text,
    p_expires_in integer,
    p_uses integer default null,
    p_max_output_tokens integer default null,
    p_models text[] default null,
    p_page text default null
) returns jsonb
language plpgsql
as $$
declare
    v_key constant gateway.api_keys := gateway.find_key(p_now, p_key_hash);
    v_reason text := gateway.key_refusal(p_now, v_key, 'chat', null, null);
begin
    if v_reason = 'scope_missing' then -- tokens for embeddings alone are as good
        v_reason := gateway.key_refusal(p_now, v_key, 'embeddings', null, null);
    end if;
    if v_reason is null and p_origin is not null then
        v_reason := 'visitor_token_required'; -- a page has its site's key
    elsif v_reason is null and v_key.visitors -> 'by' is distinct from '["token"]' then
        v_reason := 'visitors_by_token_off'; -- it is not secret: pages have it, too
    end if;
    if v_reason is not null then
        return gateway.refusal(v_reason, '');
    end if;
    return gateway.make_visitor_token(
        p_now,
        v_key,
        p_token_hash,
        p_visitor,
        p_expires_in,
        p_uses,
        p_max_output_tokens,
        p_models,
        p_page
    );
end;
$$;

create or replace function gateway.current_presets_at(p_now timestamptz, p_known jsonb)
returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'revisions',
            coalesce(jsonb_agg(p.revision order by p.name), '[]'),
            'changed',
            coalesce(
                jsonb_agg(
                    gateway.preset_json(p) || jsonb_build_object('revision', p.revision)
                    order by p.name
                ) filter (where not p_known ? p.revision::text),
                '[]'
            )
        )
    from gateway.presets as p;
end;

create or replace function gateway.delete_preset_at(p_now timestamptz, p_name text) returns jsonb
language plpgsql
as $$
declare
    v_preset gateway.presets;
begin
    delete from gateway.presets as p where p.name = p_name returning p.* into v_preset;
    if not found then
        return gateway.unknown_preset();
    end if;
    return gateway.preset_json(v_preset);
end;
$$;

-- Drop what the log has of a month. False: the log is busy, and nothing was dropped.
create or replace function gateway.drop_month(p_month timestamptz) returns boolean
language plpgsql
as $$
begin
    if not gateway.has_partition(p_month) then
        delete from gateway.usage_logs_default as d
        where d.created_at >= p_month and d.created_at < gateway.month_after(p_month);
        return true;
    end if;
    if not gateway.lock_log() then
        return false;
    end if;
    execute format('drop table gateway.%I', gateway.partition_of(p_month));
    return true;
end;
$$;

-- Make the partitions of those months that have none; how many. Each is filled before it is
-- attached, because the default one may have caught rows of its month. While the log is busy none
-- is made, and the default one goes on to catch them.
create or replace function gateway.ensure_partitions(p_months timestamptz[]) returns integer
language plpgsql
as $$
declare
    v_month timestamptz;
    v_name text;
    v_made integer := 0;
begin
    foreach v_month in array p_months loop
        continue when gateway.has_partition(v_month);
        exit when not gateway.lock_log();
        continue when gateway.has_partition(v_month); -- made while this call waited

        v_name := gateway.partition_of(v_month);
        execute format(
            'create table gateway.%I (like gateway.usage_logs including indexes)', v_name
        );
        execute format('alter table gateway.%I enable row level security', v_name);
        execute format('revoke all on table gateway.%I from public', v_name);
        execute format(
            'with moved as (
                delete from gateway.usage_logs_default
                where created_at >= $1 and created_at < $2
                returning *
            )
            insert into gateway.%I select * from moved', v_name
        ) using v_month, gateway.month_after(v_month);
        execute format(
            'alter table gateway.usage_logs attach partition gateway.%I
            for values from (%L) to (%L)', v_name, v_month, gateway.month_after(v_month)
        );
        v_made := v_made + 1;
    end loop;
    return v_made;
end;
$$;

-- The rows of a kind that come after the values of a cursor (see gateway.moving_order), in order.
-- Null, for the first page, stands for values before all others, so that every page is one range of
-- an index.
create or replace function gateway.export_rows(p_kind text, p_after jsonb, p_limit integer)
returns setof jsonb
language plpgsql stable
as $$
declare
    v_no_id constant uuid := '00000000-0000-0000-0000-000000000000';
    v_time timestamptz;
    v_id uuid;
    v_month timestamptz;
    v_left integer := p_limit;
    v_found integer;
begin
    case p_kind
        when 'keys' then
            return query
            select to_jsonb(k) from gateway.api_keys as k
            where
                (k.created_at, k.id) > (
                    coalesce((p_after ->> 0)::timestamptz, '-infinity'),
                    coalesce((p_after ->> 1)::uuid, v_no_id)
                )
            order by k.created_at, k.id
            limit p_limit;
        when 'retired_keys' then
            return query
            select to_jsonb(r) from gateway.retired_keys as r
            where r.key_hash > coalesce(p_after ->> 0, '')
            order by r.key_hash
            limit p_limit;
        when 'counters' then
            return query
            select
                jsonb_build_object(
                    'api_key_id', c.api_key_id,
                    'month_start', c.month_start,
                    'tokens_used', c.tokens_used,
                    'requests', c.requests,
                    'last_used_at', c.last_used_at
                )
            from gateway.key_counters as c
            where
                c.api_key_id > coalesce((p_after ->> 0)::uuid, v_no_id)
                and c.month_start > '-infinity' -- it has one: see gateway.import_row
            order by c.api_key_id
            limit p_limit;
        when 'daily' then
            return query
            select to_jsonb(d) from gateway.usage_daily as d
            where
                (d.api_key_id, d.day, d.model) > (
                    coalesce((p_after ->> 0)::uuid, v_no_id),
                    coalesce((p_after ->> 1)::date, '-infinity'),
                    coalesce(p_after ->> 2, '')
                )
            order by d.api_key_id, d.day, d.model
            limit p_limit;
        when 'visitor_daily' then
            return query
            select to_jsonb(d) from gateway.visitor_daily as d
            where
                (d.api_key_id, d.day, d.visitor) > (
                    coalesce((p_after ->> 0)::uuid, v_no_id),
                    coalesce((p_after ->> 1)::date, '-infinity'),
                    coalesce((p_after ->> 2)::uuid, v_no_id)
                )
            order by d.api_key_id, d.day, d.visitor
            limit p_limit;
        when 'presets' then
            return query
            select to_jsonb(p) from gateway.presets as p
            where p.name > coalesce(p_after ->> 0, '')
            order by p.name
            limit p_limit;
        when 'preset_versions' then
            return query
            select to_jsonb(v) from gateway.preset_versions as v
            where
                (v.name, v.version)
                > (coalesce(p_after ->> 0, ''), coalesce((p_after ->> 1)::integer, 0))
            order by v.name, v.version
            limit p_limit;
        when 'logs' then -- no index has its order, so a month at a time is sorted
            v_time := coalesce((p_after ->> 0)::timestamptz, '-infinity');
            v_id := coalesce((p_after ->> 1)::uuid, v_no_id);
            for v_month in
                select m.month from gateway.log_months() as m
                where gateway.month_after(m.month) > v_time
                order by m.month
            loop
                return query
                select to_jsonb(page)
                from (
                    select l.* from gateway.usage_logs as l
                    where
                        l.created_at >= greatest(v_month, v_time)
                        and l.created_at < gateway.month_after(v_month)
                        and (l.created_at, l.request_id) > (v_time, v_id)
                    order by l.created_at, l.request_id
                    limit v_left
                ) as page;
                get diagnostics v_found = row_count;
                v_left := v_left - v_found;
                exit when v_left = 0;
            end loop;
    end case;
end;
$$;

-- Who calls with a key that has visitors. p_token: that of a visitor, if the caller shows one.
-- p_claim: what the gateway knows of the caller: {"address", "network", "issuer", "subject",
-- "audience", "anonymous", "plan", "key_id"}. A row of nulls: nobody in particular, but the site's
-- own server.
create or replace function gateway.find_visitor(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_token gateway.visitor_tokens,
    p_claim jsonb,
    p_scope text,
    p_origin text,
    p_model text
) returns gateway.visitor
language plpgsql
as $$
declare
    v gateway.visitor;
    v_by constant jsonb := p_key.visitors -> 'by';
    v_limits jsonb := p_key.visitors;
    v_day constant date := gateway.day_of(p_now);
    v_salt constant uuid := p_key.visitor_salt;
begin
    if p_token.token_hash is not null then
        v.kind := 'token';
        v.refusal := gateway.token_refusal(p_now, p_key, p_token, p_origin, p_model);
        v.id := p_token.visitor;
        v.name := p_token.name;
        v.pool := p_token.pool;
        v.pool_share := 16;
        v.good_until := case
            when p_token.uses_left is null then p_token.expires_at else p_now -- uses count here
        end;
    elsif p_claim ? 'subject' then
        v.kind := 'issuer';
        v.id := gateway.visitor_id(v_salt, 'issuer', p_claim ->> 'subject');
        if not coalesce(v_by ? 'issuer', false)
            or p_claim ->> 'issuer' is distinct from v_limits ->> 'issuer'
            or p_claim ->> 'audience' is distinct from v_limits ->> 'audience'
        then
            v.refusal := 'invalid_visitor_token';
        elsif (p_claim ->> 'anonymous')::boolean then
            v_limits := nullif(v_limits -> 'anonymous', 'null');
            v.refusal := case
                when v_limits is null then 'visitor_anonymous'
                when p_claim ->> 'address' is null then 'visitor_unknown'
            end;
            v.pool := gateway.address_id(
                v_salt, v_day, 'pool ' || coalesce(p_claim ->> 'network', p_claim ->> 'address')
            );
            v.pool_share := case when p_claim ->> 'network' is null then 1 else 16 end;
        else
            v_limits := v_limits || coalesce(v_limits -> 'plans' -> (p_claim ->> 'plan'), '{}');
        end if;
    elsif v_by ? 'address' then
        v.kind := 'address';
        v.refusal := case when p_claim ->> 'address' is null then 'visitor_unknown' end;
        v.id := gateway.address_id(v_salt, v_day, p_claim ->> 'address');
        if p_claim ->> 'network' is not null then
            v.pool := gateway.address_id(v_salt, v_day, p_claim ->> 'network');
            v.pool_share := 16; -- customers of a provider have /56 or /64 of such a network
        end if;
    elsif p_origin is not null or v_by is distinct from '["token"]' then
        v.refusal := 'visitor_token_required'; -- a key of pages is known to everybody
    end if;
    if v.id is not null and v.refusal is null
        and not string_to_array(p_scope, ' ') <@ '{chat,embeddings,models:read}'
    then
        v.refusal := 'scope_missing';
    end if;
    if v.id is null then
        return v;
    end if;
    v.tokens_per_day := v_limits ->> 'tokens_per_day';
    v.requests_per_min := v_limits ->> 'requests_per_min';
    v.max_output_tokens := least(
        (v_limits ->> 'max_output_tokens')::integer, p_token.max_output_tokens
    );
    return v;
end;
$$;

create or replace function gateway.get_preset_at(
    p_now timestamptz, p_name text, p_version integer
) returns jsonb
language plpgsql stable
as $$
declare
    v_preset gateway.presets;
    v_version gateway.preset_versions;
begin
    select p.* into v_preset from gateway.presets as p where p.name = p_name;
    if not found then
        return gateway.unknown_preset();
    end if;
    select v.* into v_version from gateway.preset_versions as v
    where v.name = p_name and v.version = coalesce(p_version, v_preset.version);
    if not found then
        return gateway.refusal('not_found', 'This version is not kept.');
    end if;
    return gateway.preset_json(v_preset)
    || v_version.content
    || jsonb_build_object(
        'version', v_version.version,
        'updated_at', gateway.iso(v_version.updated_at),
        'versions', (
            select
                jsonb_agg(
                    jsonb_build_object(
                        'version', v.version, 'updated_at', gateway.iso(v.updated_at)
                    )
                    order by v.version desc
                )
            from gateway.preset_versions as v
            where v.name = p_name
        )
    );
end;
$$;

-- The output tokens that a key can be granted; -1: not even the prompt fits.
create or replace function gateway.grantable(
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_month timestamptz,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns integer
language sql immutable parallel safe
return gateway.grant_of(
    gateway.tokens_left(p_key, p_counter, p_month), p_prompt_bound, p_max_output, p_least
);

-- Note in the counters of a visitor and the pool what was held for them in that of the key, and one
-- use of the token. The caller has the lock of the key's counter. The day for which it is held.
create or replace function gateway.hold_for_visitor(
    p_now timestamptz,
    p_moment timestamptz,
    p_key_id uuid,
    p_visitor gateway.visitor,
    p_token_hash text,
    p_tokens bigint
) returns date
language plpgsql
as $$
declare
    v_bucket constant bigint := gateway.bucket_of(p_moment);
    v_day date;
begin
    with held as (
        update gateway.visitor_counters as c
        set
            tokens_held = c.tokens_held + p_tokens,
            token_limit = l.tokens_per_day,
            rate_limit = l.requests_per_min,
            window_counts = gateway.count_in_window(c.window_counts, c.bucket, v_bucket),
            bucket = gateway.newest_bucket(c.bucket, v_bucket),
            seen_at = greatest(c.seen_at, p_now)
        from gateway.visitor_limits(p_visitor) as l
        where c.api_key_id = p_key_id and c.id = l.id
        returning c.day as day
    )

    select max(h.day) into v_day from held as h;

    update gateway.visitor_tokens as t
    set uses_left = t.uses_left - 1
    where t.token_hash = p_token_hash and t.uses_left is not null;
    return v_day;
end;
$$;

-- Whether the daily roll-up has all that the log has of a month, so that nothing is lost with it. A
-- settlement that comes in meanwhile adds the same to both.
create or replace function gateway.is_rolled_up(p_month timestamptz) returns boolean
language sql stable
begin atomic
    select not exists (
        select 1
        from (
            select
                gateway.day_of(l.created_at) as day,
                l.api_key_id,
                l.model,
                count(*) as requests,
                sum(l.prompt_tokens) as prompt_tokens,
                sum(l.completion_tokens) as completion_tokens,
                sum(l.total_tokens) as total_tokens,
                sum(l.charged_tokens) as charged_tokens
            from gateway.usage_logs as l
            where l.created_at >= p_month and l.created_at < gateway.month_after(p_month)
            group by 1, 2, 3
        ) as logged
        left join gateway.usage_daily as d
            on
                logged.day = d.day
                and logged.api_key_id = d.api_key_id
                and logged.model = d.model
                and logged.requests <= d.requests
                and logged.prompt_tokens <= d.prompt_tokens
                and logged.completion_tokens <= d.completion_tokens
                and logged.total_tokens <= d.total_tokens
                and logged.charged_tokens <= d.charged_tokens
        where d.day is null
    );
end;

-- How far each key that works has come: with its month (50, 80, 100 percent; 100 also where what is
-- left is too little for an answer), and towards its end (1: seven days before, 2: one day). A key
-- that was made for a shorter time needs no word of that.
create or replace function gateway.key_levels(
    p_now timestamptz,
    out topic text,
    out kind text,
    out level integer,
    out about jsonb
) returns setof record
language sql stable
begin atomic
    with working as (
        select
            k.*,
            jsonb_build_object('id', k.id, 'name', k.label) as told
        from gateway.api_keys as k
        where k.is_active and (k.expires_at is null or k.expires_at > p_now)
    )

    select
        'key_quota/' || k.id || '/' || to_char(p_now at time zone 'UTC', 'YYYY-MM') as topic,
        'key_quota' as kind,
        case
            when
                k.monthly_token_limit - c.tokens_used
                <= least(k.monthly_token_limit / 100, gateway.least_grant())
                then 100
            when c.tokens_used >= k.monthly_token_limit * 8 / 10 then 80
            when c.tokens_used >= k.monthly_token_limit / 2 then 50
            else 0
        end as level,
        jsonb_build_object(
            'key', k.told,
            'used', c.tokens_used,
            'limit', k.monthly_token_limit,
            'resets_at', gateway.iso(gateway.month_after(p_now))
        ) as about
    from working as k
    inner join gateway.key_counters as c on k.id = c.api_key_id
    where
        k.monthly_token_limit > 0
        and c.tokens_used > 0
        and c.month_start = gateway.month_of(p_now)
    union all
    select
        'key_expiry/' || k.id || '/' || gateway.iso(k.expires_at) as topic,
        'key_expiry' as kind,
        case when k.expires_at <= p_now + interval '1 day' then 2 else 1 end as level,
        jsonb_build_object('key', k.told, 'expires_at', gateway.iso(k.expires_at)) as about
    from working as k
    where
        k.expires_at <= p_now + interval '7 days'
        and k.expires_at > k.created_at + case
            when k.expires_at <= p_now + interval '1 day' then interval '1 day'
            else interval '7 days'
        end;
end;

-- What is left of a month that is over, whose counter is gone: a hold no longer in its table is
-- part of it.
create or replace function gateway.left_of_month(p_key_id uuid, p_month timestamptz)
returns bigint
language sql stable
begin atomic
    select (
        k.monthly_token_limit
        - (
            select coalesce(sum(d.charged_tokens), 0)
            from gateway.usage_daily as d
            where
                d.api_key_id = p_key_id
                and d.day >= gateway.day_of(p_month)
                and d.day < gateway.day_of(gateway.month_after(p_month))
        )
        - (
            select coalesce(sum(h.tokens), 0)
            from gateway.holds as h
            where h.api_key_id = p_key_id and gateway.month_of(h.authorized_at) = p_month
        )
    )::bigint
    from gateway.api_keys as k
    where k.id = p_key_id;
end;

create or replace function gateway.list_alerts_at(p_now timestamptz, p_limit integer)
returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'data', coalesce(jsonb_agg(l.told order by l.number desc), '[]')
        )
    from (
        select
            a.number,
            gateway.alert_json(a) || jsonb_build_object(
                'deliveries',
                coalesce(
                    (
                        select
                            jsonb_agg(
                                jsonb_build_object(
                                    'channel', d.channel,
                                    'attempts', d.attempts,
                                    'delivered_at', gateway.iso(d.delivered_at),
                                    'problem', d.problem,
                                    'next_attempt_at',
                                    case
                                        when d.delivered_at is null
                                            then gateway.iso(greatest(d.due_at, p_now))
                                    end
                                )
                                order by d.channel
                            )
                        from gateway.alert_deliveries as d
                        where d.alert_id = a.id
                    ),
                    '[]'
                )
            ) as told
        from gateway.alerts as a
        order by a.number desc
        limit least(greatest(coalesce(p_limit, 50), 1), 1000)
    ) as l;
end;

-- What is long or secret of a preset is left to get_preset.
create or replace function gateway.list_presets_at(p_now timestamptz) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'data',
            coalesce(
                jsonb_agg(
                    gateway.preset_json(p) - '{system,template}'::text[]
                    order by p.name collate "C"
                ),
                '[]'
            )
        )
    from gateway.presets as p;
end;

-- Rows of the request log that fit a filter (see public.list_requests), the newest first; after the
-- row of p_time and p_id, if they are given. The statement names only what is filtered by, and its
-- values, so that it is planned for them.
create or replace function gateway.log_rows(
    p_filter jsonb, p_time timestamptz, p_id uuid, p_limit integer
) returns setof gateway.usage_logs
language plpgsql stable
as $$
begin
    return query execute gateway.log_query(p_filter, p_time, p_id, p_limit);
end;
$$;

-- Make the counter that of p_month, from what the daily roll-up has of it: nothing, in a new one.
-- What was counted there before a clock went ahead and came back is found again.
create or replace function gateway.move_to_month(p_key_id uuid, p_month timestamptz)
returns gateway.key_counters
language plpgsql
as $$
declare
    v_counter gateway.key_counters;
begin
    -- Whoever inserts or deletes a hold updates the counter behind it, so it is in the sum below
    -- or comes after it.
    perform 1 from gateway.key_counters as c where c.api_key_id = p_key_id for update;
    update gateway.key_counters as c
    set
        month_start = p_month,
        tokens_used = d.tokens,
        requests = d.requests,
        tokens_held = h.tokens
    from
        (
            select
                coalesce(sum(u.charged_tokens), 0)::bigint as tokens,
                coalesce(sum(u.requests), 0)::bigint as requests
            from gateway.usage_daily as u
            where
                u.api_key_id = p_key_id
                and u.day >= gateway.day_of(p_month)
                and u.day < gateway.day_of(gateway.month_after(p_month))
        ) as d,
        (
            select coalesce(sum(o.tokens), 0)::bigint as tokens
            from gateway.holds as o
            where o.api_key_id = p_key_id and gateway.month_of(o.authorized_at) = p_month
        ) as h
    where c.api_key_id = p_key_id and c.month_start <> p_month;
    select c.* into v_counter from gateway.key_counters as c where c.api_key_id = p_key_id;
    return v_counter;
end;
$$;

-- What came of attempts to deliver alerts: p_attempts is [{"id", "channel", "problem"}], the
-- problem null where it was delivered. What was not is due again after a pause.
create or replace function public.note_deliveries(p_attempts jsonb, p_clock timestamptz)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.note_deliveries_at(
        gateway.true_now(clock_timestamp(), p_clock), p_attempts
    );
end;
$$;

-- What a gateway sees of the machines around it: an element of p_seen is {"topic", "kind", "holds",
-- "about", "told"}. Its topics cannot be those of keys.
create or replace function gateway.note_seen(p_now timestamptz, p_seen jsonb, p_gateway uuid)
returns void
language plpgsql
as $$
declare
    v_one record;
begin
    for v_one in
        select s.*, 'seen/' || left(s.topic, 500) as full_topic
        from jsonb_to_recordset(p_seen) as s (
            topic text, kind text, holds boolean, about jsonb, told boolean
        )
    loop
        if v_one.holds then
            perform gateway.begin_alert(
                p_now,
                v_one.full_topic,
                v_one.kind,
                1,
                v_one.about,
                case v_one.kind
                    when 'guesses' then interval '1 hour'
                    else interval '1 day'
                end,
                p_gateway,
                coalesce(v_one.told, false)
            );
        else
            perform gateway.end_alert(
                p_now,
                v_one.full_topic,
                v_one.kind,
                v_one.about,
                p_gateway,
                coalesce(v_one.told, false)
            );
        end if;
    end loop;
end;
$$;

-- The same for a visitor and the pool, where it is needed: both are of one day, or what is held
-- would be given back to one of them only. A day that begins a moment after p_now has begun while
-- this call waited for the lock.
create or replace function gateway.open_visitors(
    p_now timestamptz, p_key_id uuid, p_visitor gateway.visitor, p_request uuid
) returns void
language plpgsql
as $$
declare
    v_limit gateway.visitor_limit;
    v_day date;
begin
    select greatest(gateway.day_of(p_now), max(c.day)) into v_day
    from gateway.visitor_counters as c
    where
        c.api_key_id = p_key_id
        and c.id in (p_visitor.id, p_visitor.pool)
        and c.day <= gateway.day_of(p_now + interval '1 hour');
    for v_limit in
        select l.*
        from gateway.visitor_limits(p_visitor) as l
        where
            not exists (
                select 1
                from gateway.visitor_counters as c
                where c.api_key_id = p_key_id and c.id = l.id and c.day = v_day
            )
    loop
        perform gateway.open_visitor(p_now, v_day, p_key_id, p_visitor, v_limit, p_request);
    end loop;
end;
$$;

-- For the owner's overview: what was used today and this month (UTC), and the labels of keys.
create or replace function public.owner_figures(p_keys uuid[]) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.owner_figures_at(now(), p_keys);
end;

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

-- Why a preset cannot be used, beyond what constraints say; null: it can.
create or replace function gateway.preset_problem(p_preset gateway.presets) returns jsonb
language plpgsql immutable
as $$
declare
    v_field text;
    v_problem text;
begin
    select 'parameters.' || p.name, gateway.parameter_problem(p.name, p.value)
    into v_field, v_problem
    from jsonb_each((p_preset).parameters) as p (name, value)
    where gateway.parameter_problem(p.name, p.value) is not null
    order by p.name
    limit 1;
    if found then
        return gateway.preset_refusal(v_field, v_problem);
    end if;
    select 'variables.' || v.name, gateway.variable_problem(v.name, v.value)
    into v_field, v_problem
    from jsonb_each((p_preset).variables) as v (name, value)
    where gateway.variable_problem(v.name, v.value) is not null
    order by v.name
    limit 1;
    if found then
        return gateway.preset_refusal(v_field, v_problem);
    end if;
    if (select count(*) from jsonb_object_keys((p_preset).variables) as v (name)) > 20 then
        return gateway.preset_refusal('variables', 'should be at most 20');
    end if;
    v_problem := gateway.template_problem((p_preset).template, (p_preset).variables);
    if v_problem is not null then
        return gateway.preset_refusal('template', v_problem);
    end if;
    if (p_preset).locked and (p_preset).template is null and (p_preset).variables = '{}' then
        return gateway.preset_refusal('locked', 'needs variables or a template');
    end if;
    return null;
end;
$$;

-- The counters of a key as they are at p_now.
create or replace function gateway.read_counter(p_now timestamptz, p_key_id uuid)
returns gateway.key_counters
language plpgsql -- volatile: each read sees what was committed until then
as $$
declare
    v_counter gateway.key_counters;
begin
    select c.* into v_counter from gateway.key_counters as c where c.api_key_id = p_key_id;
    return gateway.counter_at(p_now, v_counter);
end;
$$;

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

-- An alert if it was later than p_now already: once for each such jump, of which the sweep that
-- notices it writes down the new time.
create or replace function gateway.watch_clock(p_now timestamptz) returns void
language plpgsql
as $$
declare
    v_seen timestamptz;
begin
    select c.seen_at into v_seen from gateway.clock as c for update;
    if p_now < v_seen - interval '1 hour' then
        perform gateway.begin_alert(
            p_now,
            'clock_back/' || gateway.iso(v_seen),
            'clock_back',
            1,
            jsonb_build_object('was', gateway.iso(v_seen), 'is', gateway.iso(p_now))
        );
    end if;
end;
$$;

-- Whether an attempt to give the admin secret counts. The caller has compared the secret; too many
-- wrong ones from one address, or from all, and even the right one is refused for a while.
create or replace function public.admin_login(p_address text, p_matched boolean) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.admin_login_at(clock_timestamp(), p_address, p_matched);
end;
$$;

create or replace function gateway.admin_usage_at(
    p_now timestamptz, p_key_id uuid, p_from date, p_to date, p_group_by text[] default null
) returns jsonb
language plpgsql stable
as $$
declare
    v_usage jsonb;
begin
    if not exists (select 1 from gateway.api_keys as k where k.id = p_key_id)
        and p_key_id is not null
    then
        return gateway.unknown_key();
    end if;
    if 'hour' = any(p_group_by)
        and gateway.last_day(p_now, p_from, p_to) - gateway.first_day(p_now, p_from, p_to) > 30
    then
        return gateway.refusal('invalid', 'By the hour, ask for 31 days at most.');
    end if;
    v_usage := gateway.added_up_usage(
        p_now,
        p_key_id,
        p_from,
        p_to,
        coalesce(p_group_by, '{day,key,model}'),
        case
            when 'hour' = any(p_group_by) then 'log'
            when 'visitor' = any(p_group_by) then 'visitors'
            else 'daily'
        end
    );
    if p_group_by is null then
        return jsonb_build_object('data', v_usage -> 'data');
    end if;
    return v_usage;
end;
$$;

-- What is wrong with a row that comes from another database, beyond what types and constraints say;
-- null: nothing.
create or replace function gateway.check_row(
    p_now timestamptz, p_kind text, p_columns text[], p_row jsonb
) returns text
language plpgsql stable
as $$
declare
    v_name text;
    v_month timestamptz;
begin
    select coalesce(f.name, c.name) into v_name
    from jsonb_object_keys(p_row) as f (name)
    full join unnest(p_columns) as c (name) on f.name = c.name
    where
        c.name is null
        or (
            f.name is null -- older exports lack these
            and c.name <> all(
                '{max_output_tokens,visitors,visitor_salt,visitor,backend}'::text[]
            )
        )
    order by 1
    limit 1;
    if v_name is not null then -- a newer version's, or a damaged file: a lost limit is no limit
        return v_name || case when p_row ? v_name then ' is unknown' else ' is missing' end;
    end if;
    if jsonb_path_exists(p_row - '{ttft_ms,duration_ms}'::text[], '$.* ? (@ < 0)') then
        return 'a count is negative';
    end if;
    if p_kind = 'presets' then
        return gateway.preset_problem(jsonb_populate_record(null::gateway.presets, p_row))
        ->> 'detail';
    end if;
    if p_kind = 'preset_versions' then
        return case
            when not exists (select 1 from gateway.presets as p where p.name = p_row ->> 'name')
                then 'there is no preset of this name'
            when jsonb_typeof(p_row -> 'content') <> 'object' then 'content is not an object'
        end;
    end if;
    if p_kind <> 'keys' and not exists (
        select 1 from gateway.api_keys as k where k.id = (p_row ->> 'api_key_id')::uuid
    ) then
        return 'there is no key with this api_key_id';
    end if;
    v_month := p_row ->> 'month_start';
    if v_month <> gateway.month_of(v_month) or v_month > gateway.month_after(p_now) then
        return 'month_start is not the start of a month that has begun';
    end if;
    if p_kind = 'logs' and not isfinite((p_row ->> 'created_at')::timestamptz) then
        return 'created_at is not a time';
    end if;
    return gateway.visitors_problem(p_row -> 'visitors');
end;
$$;

create or replace function gateway.create_preset_at(
    p_now timestamptz, p_name text, p_fields jsonb
) returns jsonb
language plpgsql
as $$
declare
    v_preset gateway.presets;
    v_there gateway.presets;
    v_problem jsonb;
begin
    lock table gateway.presets in share row exclusive mode;
    v_preset := jsonb_populate_record(
        null::gateway.presets,
        '{"parameters": {}, "variables": {}, "locked": false}'
        || jsonb_strip_nulls(p_fields - '{parameters,variables}'::text[])
        || jsonb_build_object(
            'parameters', coalesce(nullif(p_fields -> 'parameters', 'null'), '{}'),
            'variables', coalesce(nullif(p_fields -> 'variables', 'null'), '{}'),
            'name', p_name,
            'version', 1,
            'revision', gen_random_uuid(),
            'created_at', p_now,
            'updated_at', p_now
        )
    );
    select p.* into v_there from gateway.presets as p where p.name = p_name;
    if found then -- a lost answer is asked for again
        if gateway.preset_content(v_there) = gateway.preset_content(v_preset) then
            return gateway.preset_json(v_there);
        end if;
        return gateway.preset_refusal('name', 'is that of another preset');
    end if;
    if (select count(*) from gateway.presets) >= 200 then
        return gateway.refusal('invalid', 'There are 200 presets, and no more can be.');
    end if;
    insert into gateway.presets select v_preset.*;
    v_problem := gateway.preset_problem(v_preset);
    if v_problem is not null then
        delete from gateway.presets as p where p.name = p_name;
        return v_problem;
    end if;
    perform gateway.keep_preset_version(v_preset);
    return gateway.preset_json(v_preset);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;

-- Make a token for one visitor of a site, with the site's key. Its hash is the caller's: the plain
-- token never comes here. p_visitor: who the visitor is to the site. p_origin: the website that
-- asks; a page is refused, since it would have the key in it. p_page: the only website that may
-- show the token. Asking again with the same hash changes nothing.
create or replace function public.create_visitor_token(
    p_key_hash text,
    p_origin text,
    p_token_hash text,
    p_visitor text,
    p_expires_in integer,
    p_uses integer default null,
    p_max_output_tokens integer default null,
    p_models text[] default null,
    p_page text default null
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.create_visitor_token_at(
        now(),
        p_key_hash,
        p_origin,
        p_token_hash,
        p_visitor,
        p_expires_in,
        p_uses,
        p_max_output_tokens,
        p_models,
        p_page
    );
end;

-- The presets for a gateway that knows some of them: the revisions of all, and in full those that
-- are not in p_known, a list of revisions.
create or replace function public.current_presets(p_known jsonb) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.current_presets_at(now(), p_known);
end;

-- Take a preset away, with all its versions. What was used of it stays in the usage.
create or replace function public.delete_preset(p_name text) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.delete_preset_at(now(), p_name);
end;

-- The log's partitions of this month and the next; how many had to be made.
create or replace function gateway.ensure_partitions_at(p_now timestamptz) returns integer
language sql
return gateway.ensure_partitions(
    array[gateway.month_of(p_now), gateway.month_after(p_now)]
);

create or replace function gateway.export_data_at(p_kind text, p_cursor text, p_limit integer)
returns jsonb
language plpgsql stable
as $$
declare
    v_order constant text[] := gateway.moving_order(p_kind);
    v_most constant integer := case when p_kind like 'preset%' then 20 else 1000 end; -- long ones
    v_limit constant integer := least(greatest(coalesce(p_limit, 1000), 1), v_most);
    v_after jsonb;
    v_rows jsonb[];
begin
    if v_order is null then
        return gateway.unknown_kind();
    end if;
    begin
        v_after := p_cursor;
        if jsonb_array_length(v_after) <> cardinality(v_order)
            or jsonb_path_exists(v_after, '$[*] ? (@.type() != "string")')
        then
            raise data_exception;
        end if;
        select array_agg(e.one) into v_rows
        from gateway.export_rows(p_kind, v_after, v_limit + 1) as e (one);
    exception
        when data_exception then
            return gateway.refusal('invalid', 'This cursor is not one that an export gave.');
    end;
    return jsonb_build_object(
        'rows', to_jsonb(coalesce(v_rows[:v_limit], '{}')),
        'next', case
            when cardinality(v_rows) > v_limit
                then (
                    select jsonb_agg(v_rows[v_limit] ->> o.name order by o.number)::text
                    from unnest(v_order) with ordinality as o (name, number)
                )
        end
    );
end;
$$;

-- Who calls: the key, and the visitor behind it, if it has visitors; or why not. p_key: the one
-- that the caller shows, of that hash. Somebody who does not show the key itself is a visitor of it
-- or nobody.
create or replace function gateway.find_caller(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_key_hash text,
    p_scope text,
    p_origin text,
    p_model text,
    p_claim jsonb
) returns gateway.caller
language plpgsql
as $$
declare
    v gateway.caller;
    v_key gateway.api_keys := p_key;
    v_is_key constant boolean := p_key.id is not null;
begin
    if not v_is_key then
        v.token := gateway.find_token(p_key_hash);
        v_key := gateway.key_behind(v.token, p_claim);
    end if;
    v.refusal := gateway.key_refusal(p_now, v_key, p_scope, p_origin, p_model);
    if v.refusal is null and (v_key.visitors is not null or not v_is_key) then
        v.visitor := gateway.find_visitor(
            p_now, v_key, v.token, p_claim, p_scope, p_origin, p_model
        );
        v.refusal := (v.visitor).refusal;
    end if;
    v.key := v_key;
    return v;
end;
$$;

-- One preset with its prompt, as it is now or was in a version, and the versions that are kept.
create or replace function public.get_preset(p_name text, p_version integer) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.get_preset_at(now(), p_name, p_version);
end;

-- A key as administrators see it: never its hash.
create or replace function gateway.key_json(p_now timestamptz, p_key gateway.api_keys)
returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'id', (p_key).id,
            'label', (p_key).label,
            'prefix', (p_key).prefix,
            'owner_email', (p_key).owner_email,
            'rate_limit_per_min', (p_key).rate_limit_per_min,
            'monthly_token_limit', (p_key).monthly_token_limit,
            'max_output_tokens', (p_key).max_output_tokens,
            'tokens_used_month', (n.counter).tokens_used,
            'month_reset_at', gateway.iso(gateway.month_after((n.counter).month_start)),
            'allowed_models', (p_key).allowed_models,
            'allowed_origins', (p_key).allowed_origins,
            'scopes', (p_key).scopes,
            'visitors', (p_key).visitors,
            'is_active', (p_key).is_active,
            'created_at', gateway.iso((p_key).created_at),
            'expires_at', gateway.iso((p_key).expires_at),
            'last_used_at', gateway.iso((n.counter).last_used_at),
            'revoked_at', gateway.iso((p_key).revoked_at)
        )
    from (select gateway.read_counter(p_now, (p_key).id) as counter offset 0) as n;
end;

-- Which limit leaves no room for a request in this month, or null. p_calls: those in the rate
-- window now. Postgres inlines it.
create or replace function gateway.limit_refusal(
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_month timestamptz,
    p_calls integer,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns text
language sql immutable parallel safe
return case
    when p_calls >= (p_key).rate_limit_per_min then 'rate_limit_exceeded'
    when
        gateway.grantable(p_key, p_counter, p_month, p_prompt_bound, p_max_output, p_least)
        < gateway.smallest_grant(
            p_max_output,
            p_least,
            gateway.carried((p_counter).tokens_held, (p_counter).month_start, p_month) > 0
        )
        then 'insufficient_quota'
end;

-- Milliseconds after which a request may be asked again for which a limit leaves no room; null:
-- nobody knows, or not before the month is over. What is held is not spent, and running requests
-- give it back.
create or replace function gateway.limit_wait_ms(
    p_now timestamptz, -- by the clock of the rate window
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_reason text,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns integer
language plpgsql stable
as $$
declare
    v_bucket constant bigint := gateway.bucket_of(p_now);
begin
    if p_reason = 'rate_limit_exceeded' then
        return gateway.window_wait_ms(
            gateway.shift_window(p_counter.window_counts, p_counter.bucket, v_bucket),
            gateway.newest_bucket(p_counter.bucket, v_bucket),
            p_key.rate_limit_per_min,
            p_now
        );
    end if;
    p_counter.tokens_held := 0;
    return case
        when
            gateway.grantable(
                p_key, p_counter, p_counter.month_start, p_prompt_bound, p_max_output, p_least
            ) >= least(p_max_output, 1)
            then 5000
    end;
end;
$$;

-- The newest alerts, newest first, and what came of telling them: {"data": [{"id", "time", "kind",
-- "state", "level", "about", "deliveries"}]}, each of which is {"channel", "attempts",
-- "delivered_at", "problem", "next_attempt_at"}.
create or replace function public.list_alerts(p_limit integer) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.list_alerts_at(clock_timestamp(), p_limit);
end;
$$;

-- All presets, by name, without their prompts.
create or replace function public.list_presets() returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.list_presets_at(now());
end;

create or replace function gateway.list_requests_at(
    p_now timestamptz, p_filter jsonb, p_cursor text, p_limit integer
) returns jsonb
language plpgsql stable
as $$
declare
    v_limit constant integer := least(greatest(coalesce(p_limit, 50), 1), 200);
    v_shape constant text := '^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_([0-9a-f-]{36})$';
    v_after text[];
begin
    if p_cursor is not null then
        v_after := regexp_match(p_cursor, v_shape);
        if v_after is null then
            raise data_exception;
        end if;
    end if;
    return (
        with page as (
            select l as logged, row_number() over (
                order by l.created_at desc, l.request_id desc
            ) as number
            from gateway.log_rows(
                p_filter, v_after[1]::timestamptz, v_after[2]::uuid, v_limit + 1
            ) as l
        )

        select
            jsonb_build_object(
                'object', 'list',
                'data', coalesce(
                    jsonb_agg(gateway.log_json(p.logged) order by p.number)
                    filter (where p.number <= v_limit),
                    '[]'
                ),
                'next_cursor', case
                    when count(*) > v_limit then (
                        select gateway.log_cursor(n.logged)
                        from page as n
                        where n.number = v_limit
                    )
                end
            )
        from page as p
    );
exception
    when data_exception then
        return gateway.refusal('invalid', 'This cursor is not one that a list gave.');
end;
$$;

-- What gateway.visitor_room says, to who has just locked the key's counter: so it is exact, and the
-- counters of the visitor are there to be written.
create or replace function gateway.locked_room(
    p_now timestamptz,
    p_moment timestamptz,
    p_request_id uuid,
    p_caller gateway.caller,
    p_origin text,
    p_model text,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns gateway.visitor_room
language plpgsql
as $$
declare
    v_key constant gateway.api_keys := p_caller.key;
    v_visitor constant gateway.visitor := p_caller.visitor;
    v_hash constant text := (p_caller.token).token_hash;
    v gateway.visitor_room;
begin
    perform gateway.open_visitors(p_now, v_key.id, v_visitor, p_request_id);
    v := gateway.visitor_room(
        p_now, p_moment, v_key.id, v_visitor, p_prompt_bound, p_max_output, p_least
    );
    if v.refusal is null and v_hash is not null then
        v.refusal := gateway.token_refusal(
            p_now, v_key, gateway.find_token(v_hash), p_origin, p_model
        );
    end if;
    return v;
end;
$$;

-- The answer to a request that wants to be let through, and what its visitor is told, if there is
-- one. p_moment: p_now by the clock of the rate window, in which p_calls are. Postgres inlines it.
create or replace function gateway.make_verdict(
    p_now timestamptz,
    p_moment timestamptz,
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_calls integer,
    p_visitor gateway.visitor,
    p_reason text,
    p_granted integer,
    p_retry_after_ms integer
) returns gateway.caller_verdict
language sql
return row(
    p_reason is null,
    p_reason,
    (p_key).id,
    p_granted,
    (p_key).rate_limit_per_min,
    case
        when (p_key).id is not null then greatest(0, (p_key).rate_limit_per_min - p_calls)
    end,
    case
        when (p_key).id is not null
            then gateway.window_reset_ms(
                gateway.newest_bucket((p_counter).bucket, gateway.bucket_of(p_moment)), p_moment
            )
    end,
    (p_key).monthly_token_limit,
    case
        when (p_key).id is not null
            then greatest(0, gateway.tokens_left(p_key, p_counter, (p_counter).month_start))
    end,
    gateway.month_after((p_counter).month_start),
    p_retry_after_ms,
    case
        when (p_visitor).id is not null
            then gateway.visitor_verdict_at(p_now, p_moment, (p_key).id, p_visitor)
    end
)::gateway.caller_verdict;

create or replace function gateway.mint_visitor_token_at(
    p_now timestamptz,
    p_site uuid,
    p_origin text,
    p_address text,
    p_visitor text,
    p_token_hash text,
    p_expires_in integer
) returns jsonb
language plpgsql
as $$
declare
    v_key constant gateway.api_keys := gateway.site_key(p_site);
    v_claim constant jsonb := gateway.address_claim(p_address);
    v_day constant date := gateway.day_of(p_now);
    v_reason text := gateway.page_refusal(p_now, v_key, p_origin);
    v_visitor text := p_visitor;
    v_pool uuid;
begin
    if v_reason is null and p_visitor is null and v_claim is null then
        v_reason := 'visitor_unknown';
    end if;
    if v_reason is not null then
        return gateway.refusal(v_reason, '');
    end if;
    if p_visitor is null then -- the same limits as for visitors by address
        v_visitor := 'address-'
        || gateway.address_id(v_key.visitor_salt, v_day, v_claim ->> 'address');
        if v_claim ->> 'network' is not null then
            v_pool := gateway.address_id(v_key.visitor_salt, v_day, v_claim ->> 'network');
        end if;
    end if;
    return gateway.make_visitor_token(
        p_now,
        v_key,
        p_token_hash,
        v_visitor,
        least(p_expires_in, 600),
        null,
        null,
        null,
        p_origin,
        v_pool
    );
end;
$$;

-- Only who deletes the hold counts it. Locks are taken in one order (holds by id, then counters by
-- key), so that the batches of several gateways never block each other for good. The requests of
-- one key follow each other: its counter is read once and written once, and the log in one go.
--
-- A hold can be lost when the database crashes, because authorising does not wait for the disk. If
-- the settlement names its key, the request is counted all the same, unless the log has it.
--
-- A request that a gateway let through while it could not reach us (`lent`) has no hold, unless its
-- asking arrived late: then the hold is given back, and not counted again.
--
-- p_behind: how far the clock of the gateway is behind, by which it says when it let them through.
create or replace function gateway.settle_requests_at(
    p_now timestamptz, p_settlements jsonb, p_behind interval default '0'
) returns gateway.settle_result
language plpgsql
as $$
declare
    v_ids uuid[];
    v_item record;
    v_hold gateway.holds;
    v_key gateway.api_keys; -- whose requests these are
    v_counter gateway.key_counters; -- of it, locked and not written yet
    v_logs gateway.usage_logs[] := '{}'; -- not written yet
    v_month timestamptz;
    v_prompt bigint;
    v_completion bigint;
    v_most bigint; -- that can be charged
    v_charged bigint;
    v_settled integer := 0;
    v_unknown integer := 0;
begin
    perform gateway.bar_holds(p_now, p_settlements);
    if jsonb_array_length(p_settlements) > 1 then
        select array_agg((s.item ->> 'request_id')::uuid) into v_ids
        from jsonb_array_elements(p_settlements) as s (item);
        perform 1
        from gateway.holds as h
        where h.request_id = any(v_ids)
        order by h.request_id
        for update;
    end if;

    for v_item in
        select s.*
        from jsonb_to_recordset(p_settlements) as s (
            request_id uuid,
            prompt_tokens bigint,
            completion_tokens bigint,
            usage_source text,
            status text,
            ttft_ms integer,
            duration_ms integer,
            key_id uuid,
            authorized_at timestamptz,
            model text,
            endpoint text,
            lent boolean,
            visitor uuid,
            pool uuid,
            backend text
        )
        order by
            coalesce(
                (
                    select h.api_key_id from gateway.holds as h
                    where h.request_id = s.request_id and h.api_key_id <> gateway.nobody()
                ),
                s.key_id
            ),
            s.request_id
    loop
        delete from gateway.holds as h
        where h.request_id = v_item.request_id and h.api_key_id <> gateway.nobody()
        returning h.* into v_hold;
        if v_item.lent or v_hold.request_id is null then -- it may be counted already: look
            perform gateway.write_counter(v_counter);
            perform gateway.write_logs(v_logs);
            v_counter := null;
            v_logs := '{}';
            if v_hold.request_id is null then
                if v_item.key_id is not null then
                    v_hold := gateway.lost_hold(
                        p_now,
                        v_item.request_id,
                        v_item.key_id,
                        v_item.authorized_at + p_behind,
                        v_item.model,
                        v_item.endpoint,
                        v_item.visitor,
                        v_item.pool
                    );
                end if;
            elsif gateway.is_counted(v_item.request_id, v_hold.api_key_id) then
                perform gateway.release_hold(v_hold);
                v_hold := null;
            end if;
        end if;
        if v_hold.request_id is null then
            v_unknown := v_unknown + 1;
            continue;
        end if;

        if v_hold.api_key_id is distinct from v_counter.api_key_id then
            perform gateway.write_counter(v_counter);
            select k.* into v_key from gateway.api_keys as k where k.id = v_hold.api_key_id;
            select c.* into v_counter
            from gateway.key_counters as c
            where c.api_key_id = v_hold.api_key_id
            for update;
        end if;
        v_month := gateway.month_of(v_hold.authorized_at);
        v_prompt := gateway.reported_tokens(v_item.prompt_tokens);
        v_completion := gateway.reported_tokens(v_item.completion_tokens);
        v_most := v_prompt + v_completion;
        if v_hold.visitor is not null then
            v_most := least(v_most, gateway.visitor_most(v_hold));
        end if;
        if v_counter.month_start = '-infinity' then -- an imported key is of no month yet
            v_counter := gateway.counter_at(v_month, v_counter);
        end if;
        if v_counter.month_start = v_month then
            v_charged := gateway.charge(
                v_most, v_hold.tokens, gateway.tokens_left(v_key, v_counter, v_month)
            );
            v_counter.tokens_used := v_counter.tokens_used + v_charged;
            v_counter.tokens_held := v_counter.tokens_held - v_hold.tokens;
            v_counter.requests := v_counter.requests + 1;
        else -- the counter is that of another month: authorising moves it, nothing else
            perform gateway.write_logs(v_logs);
            v_logs := '{}';
            v_charged := gateway.charge(
                v_most,
                v_hold.tokens,
                gateway.left_of_month(v_hold.api_key_id, v_month) - v_hold.tokens
            );
        end if;
        v_logs := array_append(
            v_logs,
            row( -- as its columns are
                v_hold.request_id,
                v_hold.api_key_id,
                v_hold.model,
                v_hold.endpoint,
                v_prompt,
                v_completion,
                v_prompt + v_completion,
                v_charged,
                coalesce(v_item.usage_source, 'none'),
                coalesce(v_item.status, 'ok'),
                v_item.ttft_ms,
                v_item.duration_ms,
                v_hold.authorized_at,
                v_hold.visitor,
                v_item.backend
            )::gateway.usage_logs
        );
        if v_hold.visitor is not null then
            perform gateway.settle_visitor(v_hold, v_prompt, v_completion, v_charged);
        end if;
        v_settled := v_settled + 1;
    end loop;
    perform gateway.write_counter(v_counter);
    perform gateway.write_logs(v_logs);
    return row(v_settled, v_unknown)::gateway.settle_result;
end;
$$;

create or replace function gateway.update_preset_at(
    p_now timestamptz, p_name text, p_changes jsonb
) returns jsonb
language plpgsql
as $$
declare
    v_old gateway.presets;
    v_preset gateway.presets;
    v_changes jsonb := p_changes;
    v_unknown text;
    v_problem jsonb;
begin
    select min(c.name) into v_unknown
    from jsonb_object_keys(p_changes) as c (name)
    where c.name <> all('{model,system,parameters,template,variables,locked,restore}'::text[]);
    if v_unknown is not null then
        return gateway.refusal('invalid', format('%s cannot be changed.', v_unknown));
    end if;
    select p.* into v_old from gateway.presets as p where p.name = p_name for update;
    if not found then
        return gateway.unknown_preset();
    end if;
    if p_changes ? 'restore' then
        select v.content into v_changes from gateway.preset_versions as v
        where v.name = p_name and to_jsonb(v.version) = p_changes -> 'restore';
        if not found or (p_changes - 'restore') <> '{}' then
            return gateway.preset_refusal(
                'restore', 'should be a version that is kept, and stand alone'
            );
        end if;
    end if;
    if v_changes -> 'parameters' = 'null' then
        v_changes := v_changes || '{"parameters": {}}';
    end if;
    if v_changes -> 'variables' = 'null' then
        v_changes := v_changes || '{"variables": {}}';
    end if;
    v_preset := jsonb_populate_record(v_old, v_changes);
    if gateway.preset_content(v_preset) = gateway.preset_content(v_old) then
        return gateway.preset_json(v_old);
    end if;
    v_problem := gateway.preset_problem(v_preset);
    if v_problem is not null then
        return v_problem;
    end if;
    update gateway.presets as p
    set
        version = p.version + 1,
        model = v_preset.model,
        system = v_preset.system,
        parameters = v_preset.parameters,
        template = v_preset.template,
        variables = v_preset.variables,
        locked = v_preset.locked,
        revision = gen_random_uuid(),
        updated_at = p_now
    where p.name = p_name
    returning p.* into v_preset;
    perform gateway.keep_preset_version(v_preset);
    return gateway.preset_json(v_preset);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;

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

-- Alerts of the keys that have come further than was told. Where a limit was raised, a level can be
-- reached again.
create or replace function gateway.watch_keys(p_now timestamptz) returns void
language plpgsql
as $$
declare
    v_key record;
begin
    for v_key in
        select l.*, coalesce(c.level, 0) as told
        from gateway.key_levels(p_now) as l
        left join gateway.alert_conditions as c on l.topic = c.topic
        where l.level <> coalesce(c.level, 0)
    loop
        if v_key.level > v_key.told then
            perform gateway.begin_alert(
                p_now, v_key.topic, v_key.kind, v_key.level, v_key.about
            );
        else
            update gateway.alert_conditions as c
            set level = v_key.level
            where c.topic = v_key.topic;
        end if;
    end loop;
end;
$$;

-- The usage of one key, or of all (null): by day, key and model, or added up by what p_group_by
-- names: some of month, day, hour, key and model, or of month, day, hour, key and visitor.
create or replace function public.admin_usage(
    p_key_id uuid, p_from date, p_to date, p_group_by text[] default null
) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.admin_usage_at(now(), p_key_id, p_from, p_to, p_group_by);
end;

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

create or replace function gateway.create_api_key_at(
    p_now timestamptz,
    p_key_hash text,
    p_prefix text,
    p_label text,
    p_owner_email text,
    p_rate_limit_per_min integer,
    p_monthly_token_limit bigint,
    p_allowed_models text[],
    p_allowed_origins text[],
    p_scopes text[],
    p_expires_at timestamptz,
    p_max_output_tokens integer default null,
    p_visitors jsonb default null
) returns jsonb
language plpgsql
as $$
declare
    v_key gateway.api_keys;
    v_problem constant text := gateway.visitors_problem(p_visitors);
begin
    if v_problem is not null then
        return gateway.refusal('invalid_visitors', v_problem);
    end if;
    insert into gateway.api_keys as k (
        key_hash,
        prefix,
        label,
        owner_email,
        rate_limit_per_min,
        monthly_token_limit,
        allowed_models,
        allowed_origins,
        scopes,
        created_at,
        expires_at,
        max_output_tokens,
        visitors
    ) values (
        p_key_hash,
        p_prefix,
        p_label,
        p_owner_email,
        p_rate_limit_per_min,
        p_monthly_token_limit,
        p_allowed_models,
        nullif(p_allowed_origins, '{}'),
        coalesce(p_scopes, '{chat,embeddings,models:read}'),
        p_now,
        p_expires_at,
        p_max_output_tokens,
        gateway.tidy_visitors(p_visitors)
    ) on conflict (key_hash) do nothing
    returning k.* into v_key;
    if found then
        insert into gateway.key_counters (api_key_id, month_start)
        values (v_key.id, gateway.month_of(p_now));
    else
        select k.* into v_key from gateway.api_keys as k where k.key_hash = p_key_hash;
    end if;
    return gateway.key_json(p_now, v_key);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;

-- Make a preset: a model with a prompt, which callers know as @preset/NAME. A second call with the
-- same gives the preset that the first one made, so that a lost answer can be asked for again.
create or replace function public.create_preset(p_name text, p_fields jsonb) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.create_preset_at(now(), p_name, p_fields);
end;

-- One page of what moves to another database (`localllm db export`), a kind at a time. The order is
-- one in which new rows come last, where there is such.
create or replace function public.export_data(p_kind text, p_cursor text, p_limit integer)
returns jsonb
language plpgsql stable
security definer
set search_path = ''
as $$
begin
    return gateway.export_data_at(p_kind, p_cursor, p_limit);
end;
$$;

create or replace function gateway.identify_key_at(
    p_now timestamptz,
    p_key_hash text,
    p_scope text,
    p_origin text,
    p_claim jsonb default null
) returns gateway.caller_identity
language plpgsql
as $$
declare
    v gateway.caller := gateway.find_caller(
        p_now,
        gateway.find_key(p_now, p_key_hash),
        p_key_hash,
        p_scope,
        p_origin,
        null,
        p_claim
    );
    v_models text[] := (v.key).allowed_models;
begin
    if (v.token).models is not null then
        v_models := array(
            select m.name
            from unnest((v.token).models) as m (name)
            where gateway.model_allowed(m.name, v_models) is not false
        );
    end if;
    return row(
        v.refusal is null, v.refusal, (v.key).id, v_models, (v.visitor).id
    )::gateway.caller_identity;
end;
$$;

create or replace function gateway.import_data_at(p_now timestamptz, p_kind text, p_rows jsonb)
returns jsonb
language plpgsql
as $$
declare
    v_columns constant text[] := gateway.moving_columns(p_kind);
    v_row jsonb;
    v_number integer := 0;
    v_imported integer := 0;
    v_different jsonb := '[]'; -- keys that are here, and left as they are
    v_wrong text;
begin
    if gateway.moving_order(p_kind) is null then
        return gateway.unknown_kind();
    end if;
    if jsonb_typeof(p_rows) is distinct from 'array' then
        return gateway.refusal('invalid', 'The rows must be a list.');
    end if;
    -- One at a time, and none while keep_house adds up months of the log.
    perform pg_advisory_xact_lock(gateway.housekeeping_lock());
    if p_kind in ('daily', 'visitor_daily', 'logs') then -- before the days, as settling does
        perform 1
        from gateway.key_counters as c
        where
            c.api_key_id::text in (
                select r.one ->> 'api_key_id' from jsonb_array_elements(p_rows) as r (one)
            )
        order by c.api_key_id
        for update;
    end if;

    for v_row in select r.one from jsonb_array_elements(p_rows) as r (one) loop
        v_number := v_number + 1;
        v_wrong := gateway.check_row(p_now, p_kind, v_columns, v_row);
        if v_wrong is not null then
            raise data_exception using message = v_wrong;
        end if;
        if gateway.import_row(p_kind, v_row) then
            v_imported := v_imported + 1;
        elsif p_kind = 'keys' then
            v_different := v_different || coalesce(gateway.key_difference(v_row), '[]');
        end if;
    end loop;

    if p_kind in ('daily', 'visitor_daily', 'logs') and v_imported > 0 then
        perform gateway.add_up(p_kind, p_rows);
    end if;
    if p_kind = 'logs' then -- the default partition has caught what had none
        perform gateway.ensure_partitions(array(
            select m.month from gateway.log_months() as m
            where m.month between p_now - interval '10 years' and p_now
            order by m.month
        ));
    end if;
    return jsonb_build_object('imported', v_imported, 'present', v_number - v_imported)
    || case when p_kind = 'keys' then jsonb_build_object('different', v_different) else '{}' end;
exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded then
        return gateway.refusal(
            'invalid',
            format(
                'Row %s (%s): %s',
                v_number,
                (
                    select string_agg(v_row ->> o.name, ' ' order by o.number)
                    from unnest(gateway.moving_order(p_kind)) with ordinality as o (name, number)
                ),
                gateway.invalid(sqlerrm) ->> 'detail'
            )
        );
end;
$$;

-- First what takes time, then what locks: nothing is read while settlements wait. By a
-- clock that is not steady nothing is dropped.
create or replace function gateway.keep_house_at(p_now timestamptz, p_retention_months integer)
returns jsonb
language plpgsql
as $$
declare
    -- Two at least: what was counted lately may be sent again (gateway.is_counted).
    v_months constant integer := least(greatest(coalesce(p_retention_months, 12), 2), 1200);
    v_kept_from constant timestamptz
    := (p_now at time zone 'UTC' - make_interval(months => v_months)) at time zone 'UTC';
    v_rolled_up timestamptz[];
    v_kept_back text[];
    v_dropped text[] := '{}';
    v_made integer := 0;
    v_over record;
    -- Somebody else keeps house, or is in the way: what is missing is done the next time.
    v_busy boolean := not pg_try_advisory_xact_lock(gateway.housekeeping_lock());
begin
    if not v_busy then
        select
            array_agg(m.month) filter (where m.is_rolled_up),
            array_agg(m.name order by m.name) filter (where not m.is_rolled_up)
        into v_rolled_up, v_kept_back
        from (
            select m.*, gateway.is_rolled_up(m.month) as is_rolled_up
            from gateway.log_months() as m
            where gateway.month_after(m.month) < v_kept_from and gateway.is_steady(p_now)
        ) as m;

        delete from gateway.retired_keys as r
        where r.valid_until < p_now - interval '30 days' and gateway.is_steady(p_now);
        perform gateway.forget_failures(p_now);
        perform gateway.forget_visitors(p_now, v_kept_from) where gateway.is_steady(p_now);
        perform gateway.forget_alerts(p_now) where gateway.is_steady(p_now);

        v_made := gateway.ensure_partitions_at(p_now);
        v_busy := not gateway.has_partition(gateway.month_after(p_now));
        for v_over in
            select m.* from gateway.log_months() as m where m.month = any(v_rolled_up)
        loop
            v_busy := v_busy or not gateway.drop_month(v_over.month);
            exit when v_busy;
            v_dropped := v_dropped || v_over.name;
        end loop;
    end if;
    return jsonb_build_object(
        'partitions_made', v_made,
        'partitions_dropped', v_dropped,
        'kept_back', coalesce(v_kept_back, '{}'),
        'busy', v_busy
    );
end;
$$;

create or replace function gateway.list_api_keys_at(
    p_now timestamptz, p_cursor text, p_limit integer
) returns jsonb
language plpgsql stable
as $$
declare
    v_last gateway.api_keys;
    v_limit constant integer := least(greatest(coalesce(p_limit, 50), 1), 1000);
begin
    if p_cursor is not null then
        if p_cursor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
            select k.* into v_last from gateway.api_keys as k where k.id = p_cursor::uuid;
        end if;
        if v_last.id is null then
            return gateway.refusal('invalid', 'This cursor is not one that a list gave.');
        end if;
    end if;
    return (
        with page as (
            select k as key, row_number() over (order by k.created_at, k.id) as number
            from gateway.api_keys as k
            where v_last.id is null or (k.created_at, k.id) > (v_last.created_at, v_last.id)
            order by k.created_at, k.id
            limit v_limit + 1
        )

        select jsonb_build_object(
            'data',
            coalesce(
                jsonb_agg(gateway.key_json(p_now, p.key) order by p.number)
                filter (where p.number <= v_limit),
                '[]'
            ),
            'next',
            case
                when count(*) > v_limit
                    then (select (n.key).id from page as n where n.number = v_limit)
            end
        )
        from page as p
    );
end;
$$;

-- One page of the request log, the newest first. p_filter has what is filtered by of api_key_id,
-- visitor, model, status, usage_source, route, ids (a list), from (the first moment) and to (the
-- first that is too late). The cursor is time and id of the last row shown, so that what comes in
-- meanwhile moves no page.
create or replace function public.list_requests(
    p_filter jsonb, p_cursor text, p_limit integer
) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.list_requests_at(now(), p_filter, p_cursor, p_limit);
end;

-- Make a token for a visitor of a site whose page has shown a proof, after public.visitor_page. Its
-- hash is the caller's: the plain token never comes here. p_site: the id of the site's key.
-- p_origin: the only website that may show the token. p_visitor: who the visitor is to the site;
-- null: whoever is at this address today. p_expires_in: seconds, 600 at most.
create or replace function public.mint_visitor_token(
    p_site uuid,
    p_origin text,
    p_address text,
    p_visitor text,
    p_token_hash text,
    p_expires_in integer
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.mint_visitor_token_at(
        now(), p_site, p_origin, p_address, p_visitor, p_token_hash, p_expires_in
    );
end;

create or replace function gateway.revoke_api_key_at(p_now timestamptz, p_id uuid) returns jsonb
language plpgsql
as $$
declare
    v_key gateway.api_keys;
begin
    update gateway.api_keys as k
    set is_active = false, revoked_at = coalesce(k.revoked_at, p_now)
    where k.id = p_id
    returning k.* into v_key;
    if not found then
        return gateway.unknown_key();
    end if;
    return gateway.key_json(p_now, v_key);
end;
$$;

create or replace function gateway.rotate_api_key_at(
    p_now timestamptz, p_id uuid, p_key_hash text, p_prefix text, p_grace_seconds integer
) returns jsonb
language plpgsql
as $$
declare
    v_key gateway.api_keys;
    v_until constant timestamptz
    := p_now + greatest(coalesce(p_grace_seconds, 0), 0) * interval '1 second';
begin
    select k.* into v_key from gateway.api_keys as k where k.id = p_id for update;
    if not found then
        return gateway.unknown_key();
    end if;
    if v_key.revoked_at is not null then
        return gateway.refusal('invalid', 'This key has been revoked: make a new one.');
    end if;
    if v_key.key_hash = p_key_hash then
        return gateway.key_json(p_now, v_key);
    end if;

    update gateway.retired_keys as r
    set valid_until = least(r.valid_until, v_until)
    where r.api_key_id = p_id;
    insert into gateway.retired_keys (key_hash, api_key_id, valid_until)
    values (v_key.key_hash, p_id, v_until);
    update gateway.api_keys as k
    set key_hash = p_key_hash, prefix = p_prefix
    where k.id = p_id
    returning k.* into v_key;
    return gateway.key_json(p_now, v_key);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;

-- Count what requests came to, each exactly once: a batch can be sent again and again. Charged is
-- what was reported, within the hold and what else is left of the limit at that moment: a month is
-- never charged more than its limit, whatever a model reports. p_clock: what time it is for the
-- gateway.
create or replace function public.settle_requests(
    p_settlements jsonb, p_clock timestamptz default null
) returns gateway.settle_result
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_now constant timestamptz := gateway.true_now(clock_timestamp(), p_clock);
begin
    return gateway.settle_requests_at(
        v_now, p_settlements, coalesce(v_now - p_clock, '0')
    );
end;
$$;

create or replace function gateway.sweep_holds_at(
    p_now timestamptz, p_live uuid[], p_ttl_seconds integer, p_gateway uuid default null
) returns gateway.sweep_result
language plpgsql
as $$
declare
    v_renewed integer;
    v_released integer := 0;
    v_hold gateway.holds;
    v_gateways constant integer := gateway.note_gateway(p_now, p_gateway);
begin
    perform gateway.watch_clock(p_now);
    perform gateway.note_time(p_now);
    if gateway.ensure_partitions_at(p_now) > 0 then
        -- Once a month, and with strong locks: the next sweep does the sweeping.
        return row(0, 0, v_gateways)::gateway.sweep_result;
    end if;

    perform gateway.prepare_secret(p_now);

    -- The lock order of settle_requests_at.
    perform 1
    from gateway.holds as h
    where
        h.request_id = any(p_live)
        or (h.released_at is null and h.expires_at <= p_now)
        or gateway.is_over(h, p_now)
    order by h.request_id
    for update;

    update gateway.holds as h
    set expires_at = p_now + p_ttl_seconds * interval '1 second'
    where h.request_id = any(p_live) and h.released_at is null;
    get diagnostics v_renewed = row_count;

    for v_hold in
        select h.*
        from gateway.holds as h
        where h.released_at is null and h.expires_at <= p_now
        order by h.api_key_id, h.request_id
    loop
        update gateway.holds as h
        set tokens = 0, released_at = p_now
        where h.request_id = v_hold.request_id;
        perform gateway.release_hold(v_hold);
        v_released := v_released + 1;
    end loop;

    delete from gateway.holds as h where gateway.is_over(h, p_now);
    return row(v_released, v_renewed, v_gateways)::gateway.sweep_result;
end;
$$;

create or replace function gateway.update_api_key_at(
    p_now timestamptz, p_id uuid, p_changes jsonb
) returns jsonb
language plpgsql
as $$
declare
    v_key gateway.api_keys;
    v_unknown text;
    v_problem constant text := gateway.visitors_problem(p_changes -> 'visitors');
begin
    select min(c.name) into v_unknown
    from jsonb_object_keys(p_changes) as c (name)
    where c.name <> all('{
        label,owner_email,rate_limit_per_min,monthly_token_limit,
        max_output_tokens,allowed_models,allowed_origins,scopes,expires_at,visitors
    }'::text[]);
    if v_unknown is not null then
        return gateway.refusal('invalid', format('%s cannot be changed.', v_unknown));
    end if;

    if v_problem is not null then
        return gateway.refusal('invalid_visitors', v_problem);
    end if;

    select k.* into v_key from gateway.api_keys as k where k.id = p_id for update;
    if not found then
        return gateway.unknown_key();
    end if;
    v_key := jsonb_populate_record(v_key, p_changes);
    update gateway.api_keys as k
    set
        label = v_key.label,
        owner_email = v_key.owner_email,
        rate_limit_per_min = v_key.rate_limit_per_min,
        monthly_token_limit = v_key.monthly_token_limit,
        max_output_tokens = v_key.max_output_tokens,
        allowed_models = v_key.allowed_models,
        allowed_origins = nullif(v_key.allowed_origins, '{}'),
        scopes = v_key.scopes,
        expires_at = v_key.expires_at,
        visitors = gateway.tidy_visitors(v_key.visitors)
    where k.id = p_id
    returning k.* into v_key;
    return gateway.key_json(p_now, v_key);
exception
    when data_exception or integrity_constraint_violation then
        return gateway.invalid(sqlerrm);
end;
$$;

-- Change what p_changes names, or go back to the version that it names as `restore`. Either makes a
-- new version; what changes nothing makes none.
create or replace function public.update_preset(p_name text, p_changes jsonb) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.update_preset_at(now(), p_name, p_changes);
end;

-- What a key may use, what is used and left this month, and what it used: by day and model, or
-- added up by what p_group_by names. Without a range: the month to date, of p_to if only that is
-- given.
create or replace function public.usage_report(
    p_key_id uuid, p_from date, p_to date, p_group_by text[] default null
) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.usage_report_at(now(), p_key_id, p_from, p_to, p_group_by);
end;

-- May a page of this website ask for a token of this site, for a visitor at this address? It
-- counts: an address has 10 attempts a minute and 100 a day for each site, and an IPv6 /48 16 times
-- as many. p_site: the id of the site's key; null: of any site, which counts nothing. {}: yes.
create or replace function public.visitor_page(
    p_origin text, p_site uuid default null, p_address text default null
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.visitor_page_at(now(), p_origin, p_site, p_address, clock_timestamp());
end;

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

-- One gateway at a time: what it read is what holds when it writes.
create or replace function gateway.watch_alerts_at(
    p_now timestamptz, p_seen jsonb, p_channels text[], p_gateway uuid
) returns jsonb
language plpgsql
as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('gateway.watch_alerts', 0));
    perform gateway.know_channels(p_now, p_channels);
    perform gateway.note_seen(p_now, p_seen, p_gateway);
    perform gateway.watch_keys(p_now);
    return jsonb_build_object('deliveries', gateway.claim_deliveries(p_now, p_channels));
end;
$$;

-- Decide whether a request may run, and hold what it may cost at most. Asking again with the same
-- request id gives the same answer and holds nothing twice. p_capped: p_max_output is the request's
-- own, not only the gateway's. p_clock: what time it is for the gateway. p_claim: what it knows
-- of the caller, see gateway.find_visitor.
create or replace function public.authorize_request(
    p_request_id uuid,
    p_key_hash text,
    p_scope text,
    p_origin text,
    p_model text,
    p_endpoint text,
    p_prompt_bound integer,
    p_max_output integer,
    p_ttl_seconds integer,
    p_capped boolean,
    p_clock timestamptz,
    p_claim jsonb
) returns gateway.caller_verdict
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_moment constant timestamptz := clock_timestamp();
begin
    return gateway.authorize_request_at(
        gateway.true_now(v_moment, p_clock),
        p_request_id,
        p_key_hash,
        p_scope,
        p_origin,
        p_model,
        p_endpoint,
        p_prompt_bound,
        p_max_output,
        p_ttl_seconds,
        p_capped,
        v_moment,
        p_claim
    );
end;
$$;

-- The same for gateways of the last release, which know no claims.
create or replace function public.authorize_request(
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
    p_clock timestamptz default null
) returns gateway.verdict
language plpgsql
security definer
set search_path = ''
as $$
declare
    v constant gateway.caller_verdict := public.authorize_request(
        p_request_id,
        p_key_hash,
        p_scope,
        p_origin,
        p_model,
        p_endpoint,
        p_prompt_bound,
        p_max_output,
        p_ttl_seconds,
        p_capped,
        p_clock,
        null
    );
begin
    return row(
        v.allowed,
        v.reason,
        v.key_id,
        v.granted,
        v.rate_limit,
        v.rate_remaining,
        v.rate_reset_ms,
        v.token_limit,
        v.tokens_remaining,
        v.month_resets_at,
        v.retry_after_ms
    )::gateway.verdict;
end;
$$;

-- Make a key. Its hash is the caller's: the plain key never comes here. A second call with the same
-- hash gives the key that the first one made, so that a lost answer can be asked for again.
create or replace function public.create_api_key(
    p_key_hash text,
    p_prefix text,
    p_label text,
    p_owner_email text,
    p_rate_limit_per_min integer,
    p_monthly_token_limit bigint,
    p_allowed_models text[],
    p_allowed_origins text[],
    p_scopes text[],
    p_expires_at timestamptz,
    p_max_output_tokens integer default null,
    p_visitors jsonb default null
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.create_api_key_at(
        now(),
        p_key_hash,
        p_prefix,
        p_label,
        p_owner_email,
        p_rate_limit_per_min,
        p_monthly_token_limit,
        p_allowed_models,
        p_allowed_origins,
        p_scopes,
        p_expires_at,
        p_max_output_tokens,
        p_visitors
    );
end;

-- Who a key is, for routes that spend nothing. p_claim: as in public.authorize_request.
create or replace function public.identify_key(
    p_key_hash text, p_scope text, p_origin text, p_claim jsonb
) returns gateway.caller_identity
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.identify_key_at(now(), p_key_hash, p_scope, p_origin, p_claim);
end;
$$;

-- The same for gateways of the last release, which know no claims.
create or replace function public.identify_key(
    p_key_hash text, p_scope text, p_origin text
) returns gateway.identity
language plpgsql
security definer
set search_path = ''
as $$
declare
    v constant gateway.caller_identity := public.identify_key(
        p_key_hash, p_scope, p_origin, null
    );
begin
    return row(v.allowed, v.reason, v.key_id, v.allowed_models)::gateway.identity;
end;
$$;

-- Take in what public.export_data gave, first keys, then the rest. What is there already is left as
-- it is, so a page can be sent again; keys that are `different` there are named. One wrong row, and
-- nothing of its page is taken. Days and counters come by themselves, and are raised only to what
-- the log and the days have.
create or replace function public.import_data(p_kind text, p_rows jsonb) returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '60s'
as $$
begin
    return gateway.import_data_at(clock_timestamp(), p_kind, p_rows);
end;
$$;

-- What has to be done once a day, by any gateway: the log's partitions are made ahead, and its old
-- months dropped, once the daily roll-up has them; what is long over is forgotten. That somebody
-- calls is also what keeps a free Supabase project awake.
--
-- PostgREST gives each call the time that its function asks for: adding up a month may need some.
create or replace function public.keep_house(p_retention_months integer) returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '60s'
as $$
begin
    return gateway.keep_house_at(clock_timestamp(), p_retention_months);
end;
$$;

-- One page of keys, oldest first. The cursor is the id of the last key shown: keys are never
-- deleted and never change their place.
create or replace function public.list_api_keys(p_cursor text, p_limit integer) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.list_api_keys_at(now(), p_cursor, p_limit);
end;

-- Refuse a key, and those it replaced, from now on. Its usage stays.
create or replace function public.revoke_api_key(p_id uuid) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.revoke_api_key_at(now(), p_id);
end;

-- Put a new hash in place of a key's old one, which goes on for the grace time. Those that it had
-- before do not outlive it: a grace of 0 ends them all. Asking again with the same hash changes
-- nothing, so that a lost answer can be asked for again.
create or replace function public.rotate_api_key(
    p_id uuid, p_key_hash text, p_prefix text, p_grace_seconds integer
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.rotate_api_key_at(now(), p_id, p_key_hash, p_prefix, p_grace_seconds);
end;

-- Renew the holds of the requests that a gateway says are running, and release the expired ones of
-- dead gateways. A released hold stays with no tokens, so that a late settlement counts once. It
-- also notes what time it is for the gateway (p_clock), and that p_gateway runs.
create or replace function public.sweep_holds(
    p_live uuid[],
    p_ttl_seconds integer,
    p_gateway uuid default null,
    p_clock timestamptz default null
) returns gateway.sweep_result
language plpgsql
security definer
set search_path = ''
as $$
begin
    return gateway.sweep_holds_at(
        gateway.true_now(clock_timestamp(), p_clock), p_live, p_ttl_seconds, p_gateway
    );
end;
$$;

-- Change what p_changes names; it holds from the next request of the key on. Null takes a limit of
-- output, models, origins or time away.
create or replace function public.update_api_key(p_id uuid, p_changes jsonb) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.update_api_key_at(now(), p_id, p_changes);
end;

-- What a visitor may use, what is used and left today, and what was used by day: for the visitor,
-- so nothing of the key's. The arguments are those of public.identify_key.
create or replace function public.visitor_report(
    p_key_hash text, p_scope text, p_origin text, p_claim jsonb, p_from date, p_to date
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.visitor_report_at(
        now(), p_key_hash, p_scope, p_origin, p_claim, p_from, p_to
    );
end;

-- What a gateway does once a minute for the owner's alerts: it says what it sees around it (p_seen:
-- see gateway.note_seen), how far the keys have come is looked at, and it is given what it shall
-- deliver to its channels: {"time", "deliveries"}, the latter as gateway.alert_json with "channel".
-- "time" is by Postgres' clock. p_clock: what time it is for the gateway.
create or replace function public.watch_alerts(
    p_seen jsonb, p_channels text[], p_gateway uuid, p_clock timestamptz
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    return jsonb_build_object('time', gateway.iso(clock_timestamp()))
    || gateway.watch_alerts_at(
        gateway.true_now(clock_timestamp(), p_clock), p_seen, p_channels, p_gateway
    );
end;
$$;

-- The public functions are the only door, and only for the server: elsewhere whoever owns the
-- schema; on Supabase the role service_role, or localllm_gateway, which may only serve calls.

-- So that the tables of these months are among them.
select gateway.ensure_partitions_at(now());

-- Supabase's Data API logs in as authenticator, and becomes the role that a token names.
do $$
begin
    if not exists (select 1 from pg_catalog.pg_roles as r where r.rolname = 'authenticator') then
        return;
    end if;
    if not exists (select 1 from pg_catalog.pg_roles as r where r.rolname = 'localllm_gateway') then
        if not exists (
            select 1 from pg_catalog.pg_roles as r
            where r.rolname = current_user and (r.rolcreaterole or r.rolsuper)
        ) then
            return;
        end if;
        create role localllm_gateway nologin noinherit;
    end if;
    if not pg_has_role('authenticator', 'localllm_gateway', 'member') then
        grant localllm_gateway to authenticator;
    end if;
    if not has_schema_privilege('localllm_gateway', 'public', 'usage') then
        grant usage on schema public to localllm_gateway;
    end if;
end;
$$;

do $$
declare
    -- All that localllm_gateway may do. Nothing here makes, lists or changes a key.
    v_serving constant text[] := array[
        'authorize_request', -- may this key do that, and what is left of its limits
        'identify_key', -- who a key belongs to, on routes that cost no tokens
        'settle_requests', -- what a request came to
        'sweep_holds', -- which requests still run, once a minute
        'keep_house', -- next month's part of the log, once a day: nobody else makes it
        'current_presets', -- what is behind the models that are called @preset/…
        'usage_report', -- GET /v1/usage: a key reads its own
        'visitor_report', -- the same for a visitor
        'create_visitor_token', -- POST /v1/visitor-tokens, with the key of a site
        'visitor_issuers', -- whose users are visitors of which key
        'watch_alerts', -- what the owner has to be told of, and who tells it
        'note_deliveries', -- what came of telling it
        'applied_migrations' -- at the start, and for /health: does the schema fit
    ];
    v_table record;
    v_function record;
    v_role text;
    v_roles text[];
begin
    select array_agg(quote_ident(r.rolname)) into v_roles
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated', 'localllm_gateway');
    v_roles := array['public'] || coalesce(v_roles, '{}');

    for v_table in
        select t.oid::regclass as name
        from pg_catalog.pg_class as t
        where
            t.relnamespace = 'gateway'::regnamespace
            and t.relkind in ('r', 'p')
            -- to do it again would lock out who works on the table
            and not t.relrowsecurity
    loop
        execute format('alter table %s enable row level security', v_table.name);
    end loop;

    foreach v_role in array v_roles loop
        execute format('revoke all on schema gateway from %s', v_role);
        execute format('revoke all on all tables in schema gateway from %s', v_role);
        execute format('revoke all on all functions in schema gateway from %s', v_role);
    end loop;

    for v_function in
        select
            p.oid::regprocedure as signature,
            p.proname = any(v_serving) as serves
        from pg_catalog.pg_proc as p
        where
            p.pronamespace = 'public'::regnamespace
            -- ours are the ones that have a twin
            and exists (
                select 1
                from pg_catalog.pg_proc as twin
                where
                    twin.pronamespace = 'gateway'::regnamespace
                    and twin.proname = p.proname || '_at'
            )
    loop
        foreach v_role in array v_roles loop
            execute format('revoke all on function %s from %s', v_function.signature, v_role);
        end loop;
        if exists (select 1 from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
            execute format('grant execute on function %s to service_role', v_function.signature);
        end if;
        if v_function.serves and 'localllm_gateway' = any(v_roles) then
            execute format(
                'grant execute on function %s to localllm_gateway', v_function.signature
            );
        end if;
    end loop;
end;
$$;
$step$;
        insert into gateway.migrations (version, checksum)
        values ('functions', '3f073aca40fcf797193355698871d895d6ad71e3ce4d271abed47f7a6488ca93')
        on conflict (version) do update set checksum = excluded.checksum, applied_at = now();
    end if;
end;
$migration$;
