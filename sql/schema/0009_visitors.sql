-- Visitors: who calls with a key through a website, each with limits of their own by the day and
-- the minute.

-- {"by": ["address"|"token"|"issuer", …], "tokens_per_day", …}: gateway.visitors_problem says what
-- it may hold. Null: the key has no visitors, and whoever has it is the key.
alter table gateway.api_keys add column visitors jsonb;
alter table gateway.api_keys add constraint the_visitors_must_be_an_object check (
    jsonb_typeof(visitors) = 'object'
);
-- In steps: a column added with a volatile default makes the table anew, and who looks at it
-- meanwhile finds it empty.
alter table gateway.api_keys add column visitor_salt uuid;
alter table gateway.api_keys alter column visitor_salt set default gen_random_uuid();
update gateway.api_keys set visitor_salt = gen_random_uuid();
alter table gateway.api_keys alter column visitor_salt set not null;

-- Of a visitor, or of a pool of them: a row is made on first sight, and changed only by who has the
-- lock of its key's counter; but for the attempts at getting a token, which are rows of their own.
-- (No foreign keys: keys are never deleted.)
create table gateway.visitor_counters (
    api_key_id uuid not null,
    id uuid not null, -- see gateway.visitor_id
    is_pool boolean not null,
    kind text not null, -- address, token or issuer; attempts: to get a token
    name text, -- as the site calls the visitor, if it wants that kept
    day date not null,
    tokens_used bigint not null default 0, -- charged on that day
    tokens_held bigint not null default 0, -- for the requests that run now
    requests bigint not null default 0, -- settled on that day
    token_limit bigint, -- of the day, as of the last request; null: none
    rate_limit integer, -- of the minute, the same
    bucket bigint not null default 0,
    window_counts integer[] not null default array_fill(0, array[61]),
    seen_at timestamptz not null,
    primary key (api_key_id, id)
) with (fillfactor = 70);

-- What requests of visitors came to, by day.
create table gateway.visitor_daily (
    day date not null,
    api_key_id uuid not null,
    visitor uuid not null,
    is_pool boolean not null,
    requests bigint not null,
    prompt_tokens bigint not null,
    completion_tokens bigint not null,
    total_tokens bigint not null,
    charged_tokens bigint not null,
    primary key (api_key_id, day, visitor)
);

-- What stands for a key in the page of one visitor, for a while.
create table gateway.visitor_tokens (
    token_hash text primary key check (token_hash ~ '^[0-9a-f]{64}$'),
    api_key_id uuid not null,
    visitor uuid not null,
    name text, -- see visitor_counters
    created_at timestamptz not null,
    expires_at timestamptz not null,
    uses_left integer, -- null: any number
    max_output_tokens integer, -- of each answer; null: what the key's visitors may have
    models text[], -- null: those of the key
    origin text, -- of the only website that may show it; null: any of the key's
    pool uuid -- of the visitor, see gateway.find_visitor
);

-- By which the addresses of a day are hashed. When it is gone, nobody finds an address again.
create table gateway.address_secrets (
    day date primary key,
    secret uuid not null default gen_random_uuid()
);

alter table gateway.holds add column visitor uuid;
alter table gateway.holds add column pool uuid;
alter table gateway.usage_logs add column visitor uuid;

-- Who calls, as gateway.find_visitor finds out; `refusal` says why nobody does. Limits that are
-- null are none. A pool may have what `pool_share` visitors may.
create type gateway.visitor as (
    id uuid,
    pool uuid,
    pool_share integer,
    kind text,
    name text,
    tokens_per_day bigint,
    requests_per_min integer,
    max_output_tokens integer,
    refusal text,
    good_until timestamptz -- so long a gateway may let them in by itself; null: no end is known
);

-- What shows who calls. Its parts are the rows of the tables, so nothing of it is stored.
create type gateway.caller as (
    key gateway.api_keys, token gateway.visitor_tokens, visitor gateway.visitor, refusal text
);

-- One limit of a visitor: their own, or that of their pool.
create type gateway.visitor_limit as (
    id uuid, is_pool boolean, tokens_per_day bigint, requests_per_min integer
);

-- What the limits of a visitor leave for a request.
create type gateway.visitor_room as (refusal text, granted integer, retry_after_ms integer);

create type gateway.visitor_verdict as (
    id uuid,
    pool uuid,
    rate_limit integer,
    rate_remaining integer,
    rate_reset_ms integer,
    token_limit bigint,
    tokens_remaining bigint,
    day_resets_at timestamptz,
    good_for_ms integer -- how long a gateway may go on by itself; null: no end is known
);

-- gateway.verdict and gateway.identity with a field more. Gateways of the last release, which may
-- run while this is applied, read rows by place and go on with the old types.
create type gateway.caller_verdict as (
    allowed boolean,
    reason text,
    key_id uuid,
    granted integer,
    rate_limit integer,
    rate_remaining integer,
    rate_reset_ms integer,
    token_limit bigint,
    tokens_remaining bigint,
    month_resets_at timestamptz,
    retry_after_ms integer,
    visitor gateway.visitor_verdict
);
create type gateway.caller_identity as (
    allowed boolean, reason text, key_id uuid, allowed_models text[], visitor uuid
);

-- They take more now: the old ones beside the new ones would make a call ambiguous.
drop function if exists gateway.authorize_request_at(
    timestamptz,
    uuid, text, text, text, text, text, integer, integer, integer, boolean, timestamptz
);
drop function if exists gateway.identify_key_at(timestamptz, text, text, text);
drop function if exists public.create_api_key(
    text, text, text, text, integer, bigint, text[], text[], text[], timestamptz, integer
);
drop function if exists gateway.create_api_key_at(
    timestamptz,
    text, text, text, text, integer, bigint, text[], text[], text[], timestamptz, integer
);
drop function if exists gateway.lost_hold(timestamptz, uuid, uuid, timestamptz, text, text);
