create or replace function gateway.admin_usage_at(
    p_now timestamptz, p_key_id uuid, p_from date, p_to date, p_group_by text[] default null
) returns jsonb
language plpgsql stable
as $$
declare
    v_usage jsonb;
begin
    if not exists (select 1 from gateway.api_keys as k where k.id = p_key_id)
        and p_key_id is not null
    then
        return gateway.unknown_key();
    end if;
    if 'hour' = any(p_group_by)
        and gateway.last_day(p_now, p_from, p_to) - gateway.first_day(p_now, p_from, p_to) > 30
    then
        return gateway.refusal('invalid', 'By the hour, ask for 31 days at most.');
    end if;
    v_usage := gateway.added_up_usage(
        p_now,
        p_key_id,
        p_from,
        p_to,
        coalesce(p_group_by, '{day,key,model}'),
        case
            when 'hour' = any(p_group_by) then 'log'
            when 'visitor' = any(p_group_by) then 'visitors'
            else 'daily'
        end
    );
    if p_group_by is null then
        return jsonb_build_object('data', v_usage -> 'data');
    end if;
    return v_usage;
end;
$$;
