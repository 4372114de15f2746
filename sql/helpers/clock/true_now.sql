-- The time by which to decide: Postgres' own, unless a gateway tells quite another. Postgres
-- inlines it.
create or replace function gateway.true_now(p_now timestamptz, p_clock timestamptz)
returns timestamptz
language sql stable
return case
    when
        p_clock is null
        or p_clock between p_now - interval '1 hour' and p_now + interval '1 hour'
        then p_now
    else gateway.nearer_clock(p_now, p_clock)
end;
