-- Whether an attempt may begin. What a clock that was ahead put off for longer than any pause is
-- due, too.
create or replace function gateway.is_due(p_now timestamptz, p_due_at timestamptz) returns boolean
language sql immutable parallel safe
return p_due_at <= p_now or p_due_at > p_now + interval '1 day';
