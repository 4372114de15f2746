-- The hold as it would be, had it been lost: nothing held. Null if the request has been counted,
-- or nothing is known of it.
create or replace function gateway.lost_hold(
    p_now timestamptz,
    p_request_id uuid,
    p_key_id uuid,
    p_authorized_at timestamptz,
    p_model text,
    p_endpoint text,
    p_visitor uuid,
    p_pool uuid
) returns gateway.holds
language plpgsql
as $$
declare
    v_hold gateway.holds;
begin
    if not exists (select 1 from gateway.api_keys as k where k.id = p_key_id)
        or gateway.is_counted(p_request_id, p_key_id)
    then
        return null;
    end if;
    v_hold.request_id := p_request_id;
    v_hold.api_key_id := p_key_id;
    v_hold.authorized_at := greatest(
        least(coalesce(p_authorized_at, p_now), p_now), p_now - gateway.settling_time()
    );
    v_hold.tokens := 0;
    v_hold.model := coalesce(p_model, '');
    v_hold.endpoint := coalesce(p_endpoint, '');
    v_hold.visitor := p_visitor;
    v_hold.pool := p_pool;
    return v_hold;
end;
$$;
