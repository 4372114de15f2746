-- Somebody was here at p_now. After a gap or a jump, the clock has to prove itself anew.
create or replace function gateway.note_time(p_now timestamptz) returns void
language sql
begin atomic
    update gateway.clock as c
    set
        seen_at = p_now,
        steady_since = case
            when p_now between c.seen_at - interval '1 hour' and c.seen_at + interval '1 day'
                then c.steady_since
            else p_now
        end
    where c.only_row; -- Supabase refuses an update without a condition
end;
