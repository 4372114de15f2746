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
