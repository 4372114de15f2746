-- What gateway.visitor_room says, to who has just locked the key's counter: so it is exact, and the
-- counters of the visitor are there to be written.
create or replace function gateway.locked_room(
    p_now timestamptz,
    p_moment timestamptz,
    p_request_id uuid,
    p_caller gateway.caller,
    p_origin text,
    p_model text,
    p_prompt_bound bigint,
    p_max_output integer,
    p_least integer
) returns gateway.visitor_room
language plpgsql
as $$
declare
    v_key constant gateway.api_keys := p_caller.key;
    v_visitor constant gateway.visitor := p_caller.visitor;
    v_hash constant text := (p_caller.token).token_hash;
    v gateway.visitor_room;
begin
    perform gateway.open_visitors(p_now, v_key.id, v_visitor, p_request_id);
    v := gateway.visitor_room(
        p_now, p_moment, v_key.id, v_visitor, p_prompt_bound, p_max_output, p_least
    );
    if v.refusal is null and v_hash is not null then
        v.refusal := gateway.token_refusal(
            p_now, v_key, gateway.find_token(v_hash), p_origin, p_model
        );
    end if;
    return v;
end;
$$;
