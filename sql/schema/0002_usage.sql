-- What requests came to. Times are those of the authorisation: they say which month is charged.

create table gateway.usage_logs (
    request_id uuid not null,
    api_key_id uuid not null,
    model text not null,
    endpoint text not null,
    prompt_tokens bigint not null,
    completion_tokens bigint not null,
    total_tokens bigint not null,
    charged_tokens bigint not null,
    usage_source text not null,
    status text not null,
    ttft_ms integer,
    duration_ms integer,
    created_at timestamptz not null
) partition by range (created_at);

create index usage_logs_by_time on gateway.usage_logs using brin (created_at);

-- Small, and only for settlements whose hold is gone: has this request been counted?
create index usage_logs_by_request on gateway.usage_logs using hash (request_id);

-- Only a safety net: gateway.ensure_partitions_at makes those of the months in time.
create table gateway.usage_logs_default partition of gateway.usage_logs default;

-- The same by day, kept when old months of the log are dropped.
create table gateway.usage_daily (
    day date not null,
    api_key_id uuid not null,
    model text not null,
    requests bigint not null,
    prompt_tokens bigint not null,
    completion_tokens bigint not null,
    total_tokens bigint not null,
    charged_tokens bigint not null,
    primary key (api_key_id, day, model)
);
