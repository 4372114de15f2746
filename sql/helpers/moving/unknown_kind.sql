create or replace function gateway.unknown_kind() returns jsonb
language sql immutable parallel safe
return gateway.refusal(
    'invalid',
    'The kinds are keys, retired_keys, counters, daily, visitor_daily, logs, presets and '
    || 'preset_versions.'
);
