-- The answer to a request for which the limits of its visitor leave no room.
create or replace function gateway.visitor_denial(
    p_now timestamptz,
    p_moment timestamptz,
    p_key gateway.api_keys,
    p_visitor gateway.visitor,
    p_room gateway.visitor_room
) returns gateway.caller_verdict
language plpgsql
as $$
declare
    v gateway.verdict := gateway.make_verdict(
        p_moment, p_key, gateway.read_counter(p_now, p_key.id), p_room.refusal, 0
    );
begin
    v.retry_after_ms := p_room.retry_after_ms;
    return gateway.tell_visitor(p_now, p_moment, v, p_visitor);
end;
$$;
