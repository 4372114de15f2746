-- Visitors who were not here for 35 days go. So do tokens a day after their end, and addresses when
-- their day is over, with their attempts and secrets: nobody finds them again. Sums of visitors by
-- day stay as long as the log.
create or replace function gateway.forget_visitors(p_now timestamptz, p_kept_from timestamptz)
returns void
language plpgsql
as $$
begin
    delete from gateway.visitor_counters as c
    where
        c.seen_at < p_now - interval '35 days'
        and c.day < gateway.day_of(p_now - interval '35 days')
        and c.tokens_held = 0;
    delete from gateway.visitor_counters as c
    where
        c.kind in ('address', 'attempts')
        and c.day < gateway.day_of(p_now) - 1
        and c.tokens_held = 0;
    delete from gateway.visitor_tokens as t where t.expires_at < p_now - interval '1 day';
    delete from gateway.address_secrets as s where s.day < gateway.day_of(p_now) - 1;
    delete from gateway.visitor_daily as d where d.day < gateway.day_of(p_kept_from);
end;
$$;
