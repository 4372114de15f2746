create or replace function gateway.list_api_keys_at(
    p_now timestamptz, p_cursor text, p_limit integer
) returns jsonb
language plpgsql stable
as $$
declare
    v_last gateway.api_keys;
    v_limit constant integer := least(greatest(coalesce(p_limit, 50), 1), 1000);
begin
    if p_cursor is not null then
        if p_cursor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
            select k.* into v_last from gateway.api_keys as k where k.id = p_cursor::uuid;
        end if;
        if v_last.id is null then
            return gateway.refusal('invalid', 'This cursor is not one that a list gave.');
        end if;
    end if;
    return (
        with page as (
            select k as key, row_number() over (order by k.created_at, k.id) as number
            from gateway.api_keys as k
            where v_last.id is null or (k.created_at, k.id) > (v_last.created_at, v_last.id)
            order by k.created_at, k.id
            limit v_limit + 1
        )

        select jsonb_build_object(
            'data',
            coalesce(
                jsonb_agg(gateway.key_json(p_now, p.key) order by p.number)
                filter (where p.number <= v_limit),
                '[]'
            ),
            'next',
            case
                when count(*) > v_limit
                    then (select (n.key).id from page as n where n.number = v_limit)
            end
        )
        from page as p
    );
end;
$$;
