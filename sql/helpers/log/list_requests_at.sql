create or replace function gateway.list_requests_at(
    p_now timestamptz, p_filter jsonb, p_cursor text, p_limit integer
) returns jsonb
language plpgsql stable
as $$
declare
    v_limit constant integer := least(greatest(coalesce(p_limit, 50), 1), 200);
    v_shape constant text := '^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_([0-9a-f-]{36})$';
    v_after text[];
begin
    if p_cursor is not null then
        v_after := regexp_match(p_cursor, v_shape);
        if v_after is null then
            raise data_exception;
        end if;
    end if;
    return (
        with page as (
            select l as logged, row_number() over (
                order by l.created_at desc, l.request_id desc
            ) as number
            from gateway.log_rows(
                p_filter, v_after[1]::timestamptz, v_after[2]::uuid, v_limit + 1
            ) as l
        )

        select
            jsonb_build_object(
                'object', 'list',
                'data', coalesce(
                    jsonb_agg(gateway.log_json(p.logged) order by p.number)
                    filter (where p.number <= v_limit),
                    '[]'
                ),
                'next_cursor', case
                    when count(*) > v_limit then (
                        select gateway.log_cursor(n.logged)
                        from page as n
                        where n.number = v_limit
                    )
                end
            )
        from page as p
    );
exception
    when data_exception then
        return gateway.refusal('invalid', 'This cursor is not one that a list gave.');
end;
$$;
