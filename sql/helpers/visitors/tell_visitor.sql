-- A verdict with what its visitor is told, if there is one.
create or replace function gateway.tell_visitor(
    p_now timestamptz,
    p_moment timestamptz,
    p_verdict gateway.verdict,
    p_visitor gateway.visitor
) returns gateway.caller_verdict
language plpgsql
as $$
declare
    v_told gateway.visitor_verdict;
begin
    if p_visitor.id is not null then
        v_told := gateway.visitor_verdict_at(p_now, p_moment, p_verdict.key_id, p_visitor);
    end if;
    return row(p_verdict.*, v_told)::gateway.caller_verdict;
end;
$$;
