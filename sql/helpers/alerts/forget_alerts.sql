-- Delete alerts after 30 days, told or not, and conditions that nobody has seen for a quarter of a
-- year: that is longer than the month of a key.
create or replace function gateway.forget_alerts(p_now timestamptz) returns void
language plpgsql
as $$
begin
    delete from gateway.alerts as a where a.made_at < p_now - interval '30 days';
    delete from gateway.alert_conditions as c where c.seen_at < p_now - interval '90 days';
end;
$$;
