-- Keys, and what is counted for them while requests run.

create table gateway.api_keys (
    id uuid not null default gen_random_uuid(),
    key_hash text not null,
    prefix text not null,
    label text not null,
    owner_email text,
    rate_limit_per_min integer not null,
    monthly_token_limit bigint not null,
    allowed_models text[],
    allowed_origins text[],
    scopes text[] not null default '{chat,embeddings,models:read}',
    is_active boolean not null default true,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    -- The names are what an administrator reads when one is broken.
    constraint api_keys_pkey primary key (id),
    constraint this_key_exists_already unique (key_hash),
    constraint the_hash_must_be_64_hex_digits check (key_hash ~ '^[0-9a-f]{64}$'),
    constraint the_prefix_must_have_1_to_40_characters check (length(prefix) between 1 and 40),
    constraint the_label_must_have_1_to_200_characters check (length(label) between 1 and 200),
    constraint the_rate_limit_must_be_from_1_to_1000000 check (
        rate_limit_per_min between 1 and 1000000
    ),
    constraint the_token_limit_must_be_from_0_to_1e12 check (
        monthly_token_limit between 0 and 1000000000000
    ),
    constraint the_scopes_must_be_known_ones check (
        scopes <@ '{chat,embeddings,models:read,models:pull}' and scopes <> '{}'
    )
);

create index api_keys_by_age on gateway.api_keys (created_at, id);

-- What a key was before it was rotated: good until its grace has passed.
create table gateway.retired_keys (
    key_hash text primary key,
    api_key_id uuid not null references gateway.api_keys,
    valid_until timestamptz not null
);

-- The hot row of each key. No index but the primary key and half of each page free, so that every
-- update stays in its page (HOT) and touches no index.
create table gateway.key_counters (
    api_key_id uuid primary key references gateway.api_keys,
    month_start timestamptz not null,
    tokens_used bigint not null default 0, -- charged this month
    tokens_held bigint not null default 0, -- for the requests that run now
    requests bigint not null default 0, -- settled this month
    bucket bigint not null default 0, -- number of the newest 10-second bucket
    window_counts integer[] not null default '{0,0,0,0,0,0,0}', -- newest first
    last_granted integer not null default 0, -- these two only so that an update can return them
    last_charged bigint not null default 0,
    last_used_at timestamptz
) with (fillfactor = 50);

-- What a running request may cost at most. No foreign key: keys are never deleted.
create table gateway.holds (
    request_id uuid primary key,
    api_key_id uuid not null,
    authorized_at timestamptz not null, -- its month is the one that is charged
    expires_at timestamptz not null,
    released_at timestamptz, -- set by the sweep; settling still counts the request, once
    tokens bigint not null,
    granted integer not null,
    model text not null,
    endpoint text not null
);
