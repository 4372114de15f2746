-- Whether a hold is of no use any more: nothing can be settled with it, or it keeps the place of
-- one whose asking cannot be under way, as none is for two minutes.
create or replace function gateway.is_over(p_hold gateway.holds, p_now timestamptz) returns boolean
language sql stable parallel safe
return (p_hold).released_at < p_now - gateway.settling_time()
or (
    (p_hold).api_key_id = gateway.nobody()
    and (p_hold).released_at < p_now - interval '2 minutes'
);
