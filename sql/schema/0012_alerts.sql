-- What the owner is told of. A condition is kept so that it is told once, whoever sees it; what is
-- told is an alert; and each channel to the owner has it delivered.

create table gateway.alert_conditions (
    topic text primary key, -- what it is about, such as key_quota/ID/2030-01
    level integer not null, -- how far it has come; 0: it is over, and can come again
    since timestamptz not null,
    seen_at timestamptz not null, -- when somebody last saw that it holds
    seen_by uuid -- the gateway that did
);

create table gateway.alerts (
    id uuid primary key default gen_random_uuid(), -- of the webhook's message, too
    number bigint not null generated always as identity unique, -- in the order of their making
    made_at timestamptz not null,
    kind text not null,
    state text not null, -- began or over
    level integer not null,
    about jsonb not null, -- of what its text is made: see gateway/alerts/texts.py
    constraint the_state_must_be_began_or_over check (state in ('began', 'over'))
);

create table gateway.alert_channels (
    channel text primary key, -- its name: where it leads, only the gateways know
    told_after bigint not null, -- the number of the last alert before it was set up
    seen_at timestamptz not null -- when a gateway last had it, to the hour
);

create table gateway.alert_deliveries (
    alert_id uuid not null references gateway.alerts on delete cascade,
    channel text not null,
    attempts integer not null,
    due_at timestamptz not null, -- when the next attempt may begin; after one that runs
    delivered_at timestamptz,
    problem text, -- why the last attempt failed
    constraint alert_deliveries_pkey primary key (alert_id, channel)
);
