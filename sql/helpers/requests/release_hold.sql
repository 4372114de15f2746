-- Give back to its key, and its visitor, what a hold has of the month and the day that are counted
-- now.
create or replace function gateway.release_hold(p_hold gateway.holds) returns void
language plpgsql
as $$
begin
    if p_hold.visitor is not null then -- no visitor's counter is changed without this lock
        perform 1 from gateway.key_counters as c
        where c.api_key_id = p_hold.api_key_id
        for update;
        update gateway.visitor_counters as c
        set tokens_held = c.tokens_held - p_hold.tokens
        where
            c.api_key_id = p_hold.api_key_id
            and c.id in (p_hold.visitor, p_hold.pool)
            and c.day = gateway.day_of(p_hold.authorized_at);
    end if;
    update gateway.key_counters as c
    set tokens_held = c.tokens_held - p_hold.tokens
    where
        c.api_key_id = p_hold.api_key_id
        and c.month_start = gateway.month_of(p_hold.authorized_at);
end;
$$;
