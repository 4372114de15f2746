-- Give back to its key what a hold has of the month that is counted now.
create or replace function gateway.release_hold(p_hold gateway.holds) returns void
language plpgsql
as $$
begin
    update gateway.key_counters as c
    set tokens_held = c.tokens_held - p_hold.tokens
    where
        c.api_key_id = p_hold.api_key_id
        and c.month_start = gateway.month_of(p_hold.authorized_at);
end;
$$;
