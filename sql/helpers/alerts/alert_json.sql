-- An alert as gateways and commands read it.
create or replace function gateway.alert_json(p_alert gateway.alerts) returns jsonb
language sql stable
return jsonb_build_object(
    'id', p_alert.id,
    'time', gateway.iso(p_alert.made_at),
    'kind', p_alert.kind,
    'state', p_alert.state,
    'level', p_alert.level,
    'about', p_alert.about
);
