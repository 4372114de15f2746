-- The counters of a key at p_now, of its month also in the table. A month that begins a moment
-- after p_now has begun while this call waited for a row.
create or replace function gateway.counter_of(p_now timestamptz, p_key_id uuid)
returns gateway.key_counters
language plpgsql
as $$
declare
    v_counter gateway.key_counters;
    v_month constant timestamptz := gateway.month_of(p_now);
begin
    select c.* into v_counter from gateway.key_counters as c where c.api_key_id = p_key_id;
    if v_counter.month_start < v_month or v_counter.month_start > p_now + interval '1 hour' then
        perform gateway.move_to_month(p_key_id, v_month);
        select c.* into v_counter from gateway.key_counters as c where c.api_key_id = p_key_id;
    end if;
    return gateway.counter_at(p_now, v_counter);
end;
$$;
