-- The rows that the public functions give. A new field is a new function, never a changed type.

create type gateway.verdict as (
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
    retry_after_ms integer
);

create type gateway.identity as (
    allowed boolean,
    reason text,
    key_id uuid,
    allowed_models text[]
);

create type gateway.settle_result as (settled integer, unknown integer);

create type gateway.sweep_result as (released integer, renewed integer);
