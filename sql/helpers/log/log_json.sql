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
