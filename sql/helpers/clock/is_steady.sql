-- Whether the clock has run without a gap or a jump for a week: only then is anything dropped for
-- its age.
create or replace function gateway.is_steady(p_now timestamptz) returns boolean
language sql stable
begin atomic
    select
        p_now between c.seen_at - interval '1 hour' and c.seen_at + interval '1 day'
        and c.steady_since <= p_now - interval '7 days'
    from gateway.clock as c;
end;
