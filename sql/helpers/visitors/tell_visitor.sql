-- A verdict with what its visitor is told, if there is one.
create or replace function gateway.tell_visitor(
    p_now timestamptz,
    p_moment timestamptz,
    p_verdict gateway.verdict,
    p_visitor gateway.visitor
) returns gateway.verdict
language plpgsql
as $$
begin
    if p_visitor.id is not null then
        p_verdict.visitor := gateway.visitor_verdict_at(
            p_now, p_moment, p_verdict.key_id, p_visitor
        );
    end if;
    return p_verdict;
end;
$$;
