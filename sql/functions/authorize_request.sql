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
