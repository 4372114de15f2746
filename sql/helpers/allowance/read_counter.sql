-- The counters of a key as they are at p_now.
create or replace function gateway.read_counter(p_now timestamptz, p_key_id uuid)
returns gateway.key_counters
language plpgsql -- volatile: each read sees what was committed until then
as $$
declare
    v_counter gateway.key_counters;
begin
    select c.* into v_counter from gateway.key_counters as c where c.api_key_id = p_key_id;
    return gateway.counter_at(p_now, v_counter);
end;
$$;
