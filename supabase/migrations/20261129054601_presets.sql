-- Made from sql/ by scripts/make-migration: edited by nobody, made again by nobody once released.
-- It applies what the database lacks and records it, as `localllm db migrate` does.
-- step 0010_presets 6bb49ccf63ff75e16ec8dba760a3a22a7dafecc1cbed6a89956ddbccda5aa8c4
-- step functions e9565f1fd2f4adad7ecfdf2f1ae5f41ba5d5fcc377ccdaa2f7bcb4c0323cb879

do $migration$
begin
    perform pg_advisory_xact_lock(7813573148593122413);

create schema if not exists gateway;
create table if not exists gateway.migrations (
    version text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
);

    if not exists (select 1 from gateway.migrations as m where m.version = '0010_presets') then
        execute $step$
-- Presets: a model with a prompt of the owner's, which callers know as the model @preset/NAME.

create table gateway.presets (
    name text not null,
    version integer not null,
    model text not null,
    system text not null, -- the prompt that comes first, and that no caller sees
    parameters jsonb not null default '{}',
    template text, -- of the message that is made of the variables
    variables jsonb not null default '{}',
    locked boolean not null default false, -- callers send variables and nothing else
    revision uuid not null default gen_random_uuid(), -- of this content, so that gateways know it
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint presets_pkey primary key (name),
    constraint the_name_must_be_1_to_64_of_a_to_z_0_to_9_dot_dash_underscore check (
        name ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'
    ),
    constraint the_model_must_have_1_to_200_printable_ascii_characters check (
        model ~ '^[!-~]([ -~]{0,198}[!-~])?$'
    ),
    constraint a_preset_cannot_be_the_model_of_a_preset check (lower(model) not like '@preset/%'),
    constraint the_system_prompt_must_have_at_most_32768_characters check (
        length(system) <= 32768
    ),
    constraint the_template_must_have_1_to_16384_characters check (
        length(template) between 1 and 16384
    ),
    constraint the_parameters_must_be_an_object check (jsonb_typeof(parameters) = 'object'),
    constraint the_variables_must_be_an_object check (jsonb_typeof(variables) = 'object')
);

-- What a preset was, and is: the last 20 versions, to go back to.
create table gateway.preset_versions (
    name text not null references gateway.presets on delete cascade,
    version integer not null,
    content jsonb not null, -- see gateway.preset_content
    updated_at timestamptz not null,
    constraint preset_versions_pkey primary key (name, version)
);
$step$;
        insert into gateway.migrations (version, checksum)
        values ('0010_presets', '6bb49ccf63ff75e16ec8dba760a3a22a7dafecc1cbed6a89956ddbccda5aa8c4');
    end if;

    if not exists (
        select 1 from gateway.migrations as m
        where
            (m.version = 'functions' and m.checksum = 'e9565f1fd2f4adad7ecfdf2f1ae5f41ba5d5fcc377ccdaa2f7bcb4c0323cb879')
            or (m.version <> 'functions' and m.version collate "C" > '0010_presets')
    ) then
        execute $step$
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
            select k.* from jsonb_populate_record(null::gateway.api_keys, p_row) as k
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

-- Output tokens: an answer that names no length gets so many at least, or waits for running ones.
create or replace function gateway.least_grant() returns integer
language sql immutable parallel safe
return 256;

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
    when 'logs' then '{created_at,request_id}'
    when 'presets' then '{name}'
    when 'preset_versions' then '{name,version}'
end;

-- Milliseconds until this bucket begins.
create or replace function gateway.ms_until_bucket(p_bucket bigint, p_now timestamptz)
returns integer
language sql stable parallel safe
return ceil((p_bucket - extract(epoch from p_now)) * 1000)::integer;

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
-- row. Far ahead: the clock was set back, so begin anew rather than block the key.
create or replace function gateway.shift_window(
    p_counts integer[], p_from bigint, p_to bigint
) returns integer[]
language plpgsql immutable parallel safe
as $$
begin
    return case
        when p_to - p_from between -60 and 0 then p_counts
        when p_to - p_from between 1 and 60
            then (array_fill(0, array[(p_to - p_from)::integer]) || p_counts)[1:61]
        else array_fill(0, array[61])
    end;
end;
$$;

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

-- The time by which to decide: Postgres' own, unless a gateway tells quite another. Then the one of
-- the two that is nearer to what was seen last: the other clock has jumped.
create or replace function gateway.true_now(p_now timestamptz, p_clock timestamptz)
returns timestamptz
language plpgsql stable
as $$
declare
    v_seen timestamptz;
begin
    if p_clock is null or p_clock between p_now - interval '1 hour' and p_now + interval '1 hour'
    then
        return p_now;
    end if;
    select c.seen_at into v_seen from gateway.clock as c;
    return case
        when greatest(v_seen - p_clock, p_clock - v_seen) < greatest(v_seen - p_now, p_now - v_seen)
            then p_clock
        else p_now
    end;
end;
$$;

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

-- What the reports add up: the daily roll-up alone, so that a report of a year ago says the same
-- before and after the log of that year was dropped.
create or replace function gateway.usage_rows(p_key_id uuid, p_from date, p_to date)
returns setof gateway.usage_daily
language sql stable
begin atomic
    select d.*
    from gateway.usage_daily as d
    where (p_key_id is null or d.api_key_id = p_key_id) and d.day between p_from and p_to;
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
    end if;

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

create or replace function gateway.has_partition(p_month timestamptz) returns boolean
language sql -- volatile: after a wait it sees what was made meanwhile
return to_regclass('gateway.' || gateway.partition_of(p_month)) is not null;

-- What a broken constraint says: its name is a sentence.
create or replace function gateway.invalid(p_error text) returns jsonb
language sql immutable parallel safe
return gateway.refusal(
    'invalid', coalesce(translate(substring(p_error from 'constraint "(.*)"'), '_', ' '), p_error)
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

-- The hold as it would be, had it been lost: nothing held. Null if the request has been counted,
-- or nothing is known of it.
create or replace function gateway.lost_hold(
    p_now timestamptz,
    p_request_id uuid,
    p_key_id uuid,
    p_authorized_at timestamptz,
    p_model text,
    p_endpoint text
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
    return v_hold;
end;
$$;

-- When the next month begins, in UTC.
create or replace function gateway.month_after(p_time timestamptz) returns timestamptz
language sql immutable parallel safe
return (gateway.month_of(p_time) at time zone 'UTC' + interval '1 month') at time zone 'UTC';

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

-- Give back to its key what a hold has of the month that is counted now.
create or replace function gateway.release_hold(p_hold gateway.holds) returns void
language plpgsql
as $$
begin
    update gateway.key_counters as c
    set tokens_held = c.tokens_held - p_hold.tokens
    where
        c.api_key_id = p_hold.api_key_id
        and c.month_start = gateway.month_of(p_hold.authorized_at);
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

create or replace function gateway.unknown_key() returns jsonb
language sql immutable parallel safe
return gateway.refusal('not_found', 'There is no key with this id.');

create or replace function gateway.unknown_kind() returns jsonb
language sql immutable parallel safe
return gateway.refusal(
    'invalid',
    'The kinds are keys, retired_keys, counters, daily, logs, presets and preset_versions.'
);

create or replace function gateway.unknown_preset() returns jsonb
language sql immutable parallel safe
return gateway.refusal('not_found', 'There is no preset of this name.');

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
        end if;
    end if;
    return jsonb_build_object(
        'allowed', v_allowed,
        'retry_after_ms', ceil(extract(epoch from v_locked_until - p_now) * 1000)::integer
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

-- The output tokens that can be granted; -1: not even the prompt fits. A request that names no
-- length (p_least < p_max_output) takes a quarter of what is left, so that others like it fit
-- beside it, but p_least as long as there are so many.
create or replace function gateway.grantable(
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_month timestamptz,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns integer
language sql immutable parallel safe
return greatest(
    -1,
    least(
        p_max_output,
        gateway.tokens_left(p_key, p_counter, p_month) - p_prompt_bound,
        greatest(
            p_least, (gateway.tokens_left(p_key, p_counter, p_month) - p_prompt_bound) / 4
        )
    )
)::integer;

-- Added up by some of month, day, key and model; a row has only what it was added up by.
create or replace function gateway.grouped_usage(
    p_now timestamptz, p_key_id uuid, p_from date, p_to date, p_group_by text[]
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
                            'api_key_id', g.api_key_id,
                            'model', g.model
                        )
                    )
                    || gateway.usage_counts(
                        g.requests, g.prompt_tokens, g.completion_tokens, g.total_tokens
                    )
                    order by g.month, g.day, g.api_key_id, g.model
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
            case when 'key' = any(p_group_by) then u.api_key_id end as api_key_id,
            case when 'model' = any(p_group_by) then u.model end as model,
            sum(u.requests) as requests,
            sum(u.prompt_tokens) as prompt_tokens,
            sum(u.completion_tokens) as completion_tokens,
            sum(u.total_tokens) as total_tokens
        from
            gateway.usage_rows(
                p_key_id,
                gateway.first_day(p_now, p_from, p_to),
                gateway.last_day(p_now, p_from, p_to)
            ) as u
        group by 1, 2, 3, 4
    ) as g;
end;

create or replace function gateway.identify_key_at(
    p_now timestamptz, p_key_hash text, p_scope text, p_origin text
) returns gateway.identity
language plpgsql stable
as $$
declare
    v_key gateway.api_keys;
    v_reason text;
begin
    v_key := gateway.find_key(p_now, p_key_hash);
    v_reason := gateway.key_refusal(p_now, v_key, p_scope, p_origin, null);
    return row(
        v_reason is null, v_reason, v_key.id, v_key.allowed_models
    )::gateway.identity;
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

-- The answer to a request that wants to be let through. p_now: by the clock of its rate window.
create or replace function gateway.make_verdict(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_reason text,
    p_granted integer
) returns gateway.verdict
language plpgsql stable
as $$
declare
    v gateway.verdict;
    v_bucket constant bigint := gateway.bucket_of(p_now);
begin
    v.allowed := p_reason is null;
    v.reason := p_reason;
    v.granted := p_granted;
    if p_key.id is null then
        return v;
    end if;
    p_counter.window_counts := gateway.shift_window(
        p_counter.window_counts, p_counter.bucket, v_bucket
    );
    p_counter.bucket := gateway.newest_bucket(p_counter.bucket, v_bucket);
    v.key_id := p_key.id;
    v.rate_limit := p_key.rate_limit_per_min;
    v.rate_remaining := greatest(
        0, p_key.rate_limit_per_min - gateway.window_sum(p_counter.window_counts)
    );
    v.rate_reset_ms := gateway.window_reset_ms(p_counter.bucket, p_now);
    v.token_limit := p_key.monthly_token_limit;
    v.tokens_remaining := greatest(
        0, gateway.tokens_left(p_key, p_counter, p_counter.month_start)
    );
    v.month_resets_at := gateway.month_after(p_counter.month_start);
    if p_reason = 'rate_limit_exceeded' then
        v.retry_after_ms := gateway.window_wait_ms(
            p_counter.window_counts, p_counter.bucket, p_key.rate_limit_per_min, p_now
        );
    end if;
    return v;
end;
$$;

-- Make the counter that of p_month, from what the daily roll-up has of it: nothing, in a new one.
-- What was counted there before a clock went ahead and came back is found again.
create or replace function gateway.move_to_month(p_key_id uuid, p_month timestamptz) returns void
language plpgsql
as $$
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
end;
$$;

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
    v_usage := gateway.grouped_usage(
        p_now, p_key_id, p_from, p_to, coalesce(p_group_by, '{day,key,model}')
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
        or (f.name is null and c.name <> 'max_output_tokens') -- which older exports lack
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
    return null;
end;
$$;

-- The counters of a key at p_now, of its month also in the table. A month that begins a moment
-- after p_now has begun while this call waited for a row.
create or replace function gateway.counter_of(p_now timestamptz, p_key_id uuid)
returns gateway.key_counters
language plpgsql
as $$
declare
    v_counter gateway.key_counters;
    v_month constant timestamptz := gateway.month_of(p_now);
begin
    select c.* into v_counter from gateway.key_counters as c where c.api_key_id = p_key_id;
    if v_counter.month_start < v_month or v_counter.month_start > p_now + interval '1 hour' then
        perform gateway.move_to_month(p_key_id, v_month);
        select c.* into v_counter from gateway.key_counters as c where c.api_key_id = p_key_id;
    end if;
    return gateway.counter_at(p_now, v_counter);
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

-- One preset with its prompt, as it is now or was in a version, and the versions that are kept.
create or replace function public.get_preset(p_name text, p_version integer) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.get_preset_at(now(), p_name, p_version);
end;

-- Who a key is, for routes that spend nothing.
create or replace function public.identify_key(p_key_hash text, p_scope text, p_origin text)
returns gateway.identity
language plpgsql stable
security definer
set search_path = ''
as $$
begin
    return gateway.identify_key_at(now(), p_key_hash, p_scope, p_origin);
end;
$$;

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
            'is_active', (p_key).is_active,
            'created_at', gateway.iso((p_key).created_at),
            'expires_at', gateway.iso((p_key).expires_at),
            'last_used_at', gateway.iso((n.counter).last_used_at),
            'revoked_at', gateway.iso((p_key).revoked_at)
        )
    from (select gateway.read_counter(p_now, (p_key).id) as counter offset 0) as n;
end;

-- Which limit leaves no room for a request in this month and bucket, or null. One that names no
-- length is not cut to less than p_least for what others hold.
create or replace function gateway.limit_refusal(
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_month timestamptz,
    p_bucket bigint,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns text
language sql immutable parallel safe
return case
    when
        gateway.window_sum(
            gateway.shift_window((p_counter).window_counts, (p_counter).bucket, p_bucket)
        ) >= (p_key).rate_limit_per_min
        then 'rate_limit_exceeded'
    when
        gateway.grantable(p_key, p_counter, p_month, p_prompt_bound, p_max_output, p_least)
        < case
            when
                p_least < p_max_output
                and gateway.carried((p_counter).tokens_held, (p_counter).month_start, p_month) > 0
                then p_least
            else least(p_max_output, 1)
        end
        then 'insufficient_quota'
end;

-- The answer to a request for which a limit leaves no room. What is held is not spent: where
-- running requests alone are in the way, it may be asked again (retry_after_ms).
create or replace function gateway.limit_verdict(
    p_now timestamptz,
    p_key gateway.api_keys,
    p_counter gateway.key_counters,
    p_reason text,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns gateway.verdict
language plpgsql stable
as $$
declare
    v gateway.verdict := gateway.make_verdict(p_now, p_key, p_counter, p_reason, 0);
begin
    p_counter.tokens_held := 0;
    if p_reason = 'insufficient_quota'
        and gateway.grantable(
            p_key, p_counter, p_counter.month_start, p_prompt_bound, p_max_output, p_least
        ) >= least(p_max_output, 1)
    then
        v.retry_after_ms := 5000;
    end if;
    return v;
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

-- Count what came of one hold, which the caller has deleted.
create or replace function gateway.settle_hold(
    p_hold gateway.holds,
    p_prompt_tokens bigint,
    p_completion_tokens bigint,
    p_usage_source text,
    p_status text,
    p_ttft_ms integer,
    p_duration_ms integer
) returns void
language plpgsql
as $$
declare
    v_month constant timestamptz := gateway.month_of(p_hold.authorized_at);
    v_total constant bigint := p_prompt_tokens + p_completion_tokens;
    v_charged bigint;
begin
    update gateway.key_counters as c
    set
        month_start = v_month,
        tokens_used = gateway.carried(c.tokens_used, c.month_start, v_month)
        + gateway.charge(v_total, p_hold.tokens, gateway.tokens_left(k, c, v_month)),
        tokens_held = gateway.carried(c.tokens_held, c.month_start, v_month) - p_hold.tokens,
        requests = gateway.carried(c.requests, c.month_start, v_month) + 1,
        last_charged = gateway.charge(v_total, p_hold.tokens, gateway.tokens_left(k, c, v_month))
    from gateway.api_keys as k
    where
        c.api_key_id = p_hold.api_key_id
        and k.id = p_hold.api_key_id
        and c.month_start in (v_month, '-infinity') -- an imported key is of no month yet
    returning c.last_charged into v_charged;

    if not found then -- the counter is that of another month: authorising moves it, nothing else
        perform 1 from gateway.key_counters as c
        where c.api_key_id = p_hold.api_key_id
        for update;
        v_charged := gateway.charge(
            v_total,
            p_hold.tokens,
            gateway.left_of_month(p_hold.api_key_id, v_month) - p_hold.tokens
        );
    end if;

    insert into gateway.usage_logs (
        request_id, api_key_id, model, endpoint,
        prompt_tokens, completion_tokens, total_tokens, charged_tokens,
        usage_source, status, ttft_ms, duration_ms, created_at
    ) values (
        p_hold.request_id, p_hold.api_key_id, p_hold.model, p_hold.endpoint,
        p_prompt_tokens, p_completion_tokens, v_total, v_charged,
        p_usage_source, p_status, p_ttft_ms, p_duration_ms, p_hold.authorized_at
    );

    insert into gateway.usage_daily as d (
        day, api_key_id, model,
        requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
    ) values (
        gateway.day_of(p_hold.authorized_at), p_hold.api_key_id, p_hold.model,
        1, p_prompt_tokens, p_completion_tokens, v_total, v_charged
    ) on conflict (api_key_id, day, model) do update set
        requests = d.requests + 1,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        total_tokens = d.total_tokens + excluded.total_tokens,
        charged_tokens = d.charged_tokens + excluded.charged_tokens;
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
    v_usage := gateway.grouped_usage(
        p_now, p_key_id, p_from, p_to, coalesce(p_group_by, '{day,model}')
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

-- The usage of one key, or of all (null): by day, key and model, or added up by what p_group_by
-- names.
create or replace function public.admin_usage(
    p_key_id uuid, p_from date, p_to date, p_group_by text[] default null
) returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.admin_usage_at(now(), p_key_id, p_from, p_to, p_group_by);
end;

-- The conditional update decides: many callers at once queue for the counter's row, and each sees
-- the newest one. All reading before it only spares refused requests the writing.
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
    p_moment timestamptz default null -- as p_now
) returns gateway.verdict
language plpgsql
as $$
declare
    v_key gateway.api_keys;
    v_counter gateway.key_counters;
    v_hold gateway.holds;
    v_reason text;
    v_wanted integer := greatest(coalesce(p_max_output, 0), 0);
    v_least integer;
    v_prompt constant bigint := greatest(coalesce(p_prompt_bound, 0), 0);
    v_month constant timestamptz := gateway.month_of(p_now);
    v_moment constant timestamptz := coalesce(p_moment, p_now);
    v_bucket constant bigint := gateway.bucket_of(v_moment);
begin
    -- A crash may cost the last moments of holds, never what was settled: settling waits for the
    -- disk, and with it all that came before.
    perform set_config('synchronous_commit', 'off', true);

    v_key := gateway.find_key(p_now, p_key_hash);
    v_wanted := least(v_wanted, v_key.max_output_tokens); -- null: no cap
    v_least := case when p_capped then v_wanted else least(v_wanted, gateway.least_grant()) end;
    v_reason := gateway.key_refusal(p_now, v_key, p_scope, p_origin, p_model);
    if v_reason is not null then
        if v_key.id is not null then
            v_counter := gateway.read_counter(p_now, v_key.id);
        end if;
        return gateway.make_verdict(v_moment, v_key, v_counter, v_reason, 0);
    end if;

    v_counter := gateway.counter_of(p_now, v_key.id);
    v_reason := gateway.limit_refusal(
        v_key, v_counter, v_month, v_bucket, v_prompt, v_wanted, v_least
    );
    if v_reason is null then
        insert into gateway.holds (
            request_id, api_key_id, authorized_at, expires_at, tokens, granted, model, endpoint
        ) values (
            p_request_id,
            v_key.id,
            p_now,
            p_now + p_ttl_seconds * interval '1 second',
            v_prompt + v_wanted,
            v_wanted,
            p_model,
            p_endpoint
        ) on conflict (request_id) do nothing;
    end if;
    if v_reason is not null or not found then
        select * into v_hold
        from gateway.holds as h
        where h.request_id = p_request_id and h.api_key_id = v_key.id;
        if found then
            v_counter := gateway.read_counter(p_now, v_key.id); -- with the hold in it
            return gateway.make_verdict(v_moment, v_key, v_counter, null, v_hold.granted);
        end if;
        if v_reason is null then
            raise exception 'request % is settled already or has another key', p_request_id;
        end if;
        return gateway.limit_verdict(
            v_moment, v_key, v_counter, v_reason, v_prompt, v_wanted, v_least
        );
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
        return gateway.limit_verdict(
            v_moment, v_key, v_counter, v_reason, v_prompt, v_wanted, v_least
        );
    end if;

    if v_counter.last_granted < v_wanted or v_counter.month_start > p_now then
        -- granted less than wanted; or the month turned while this call waited for the row
        update gateway.holds as h
        set
            tokens = v_prompt + v_counter.last_granted,
            granted = v_counter.last_granted,
            authorized_at = greatest(p_now, v_counter.month_start)
        where h.request_id = p_request_id;
    end if;
    return gateway.make_verdict(v_moment, v_key, v_counter, null, v_counter.last_granted);
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
    p_max_output_tokens integer default null
) returns jsonb
language plpgsql
as $$
declare
    v_key gateway.api_keys;
begin
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
        max_output_tokens
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
        p_max_output_tokens
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
    if p_kind in ('daily', 'logs') then -- before the days, as settling does
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

    if p_kind in ('daily', 'logs') and v_imported > 0 then
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

-- Only who deletes the hold counts it. Locks are taken in one order (holds by id, then counters by
-- key), so that the batches of several gateways never block each other for good.
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
            lent boolean
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
        if found and v_item.lent
            and gateway.is_counted(v_item.request_id, v_hold.api_key_id)
        then
            perform gateway.release_hold(v_hold);
            v_hold := null;
        elsif v_hold.request_id is null and v_item.key_id is not null then
            v_hold := gateway.lost_hold(
                p_now,
                v_item.request_id,
                v_item.key_id,
                v_item.authorized_at + p_behind,
                v_item.model,
                v_item.endpoint
            );
        end if;
        if v_hold.request_id is null then
            v_unknown := v_unknown + 1;
        else
            perform gateway.settle_hold(
                v_hold,
                gateway.reported_tokens(v_item.prompt_tokens),
                gateway.reported_tokens(v_item.completion_tokens),
                coalesce(v_item.usage_source, 'none'),
                coalesce(v_item.status, 'ok'),
                v_item.ttft_ms,
                v_item.duration_ms
            );
            v_settled := v_settled + 1;
        end if;
    end loop;
    return row(v_settled, v_unknown)::gateway.settle_result;
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
    perform gateway.note_time(p_now);
    if gateway.ensure_partitions_at(p_now) > 0 then
        -- Once a month, and with strong locks: the next sweep does the sweeping.
        return row(0, 0, v_gateways)::gateway.sweep_result;
    end if;

    -- The lock order of settle_requests_at.
    perform 1
    from gateway.holds as h
    where
        h.request_id = any(p_live)
        or (h.released_at is null and h.expires_at <= p_now)
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

    -- No asking is under way for two minutes.
    delete from gateway.holds as h
    where
        h.released_at < p_now - gateway.settling_time()
        or (h.api_key_id = gateway.nobody() and h.released_at < p_now - interval '2 minutes');
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
begin
    select min(c.name) into v_unknown
    from jsonb_object_keys(p_changes) as c (name)
    where c.name <> all('{
        label,owner_email,rate_limit_per_min,monthly_token_limit,
        max_output_tokens,allowed_models,allowed_origins,scopes,expires_at
    }'::text[]);
    if v_unknown is not null then
        return gateway.refusal('invalid', format('%s cannot be changed.', v_unknown));
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
        expires_at = v_key.expires_at
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

-- Decide whether a request may run, and hold what it may cost at most. Asking again with the same
-- request id gives the same answer and holds nothing twice. p_capped: p_max_output is the request's
-- own, not only the gateway's. p_clock: what time it is for the gateway.
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
        v_moment
    );
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
    p_max_output_tokens integer default null
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
        p_max_output_tokens
    );
end;

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
        values ('functions', 'e9565f1fd2f4adad7ecfdf2f1ae5f41ba5d5fcc377ccdaa2f7bcb4c0323cb879')
        on conflict (version) do update set checksum = excluded.checksum, applied_at = now();
    end if;
end;
$migration$;
