create or replace function gateway.export_data_at(p_kind text, p_cursor text, p_limit integer)
returns jsonb
language plpgsql stable
as $$
declare
    v_order constant text[] := gateway.moving_order(p_kind);
    v_most constant integer := case when p_kind like 'preset%' then 20 else 1000 end; -- long ones
    v_limit constant integer := least(greatest(coalesce(p_limit, 1000), 1), v_most);
    v_after jsonb;
    v_rows jsonb[];
begin
    if v_order is null then
        return gateway.unknown_kind();
    end if;
    begin
        v_after := p_cursor;
        if jsonb_array_length(v_after) <> cardinality(v_order)
            or jsonb_path_exists(v_after, '$[*] ? (@.type() != "string")')
        then
            raise data_exception;
        end if;
        select array_agg(e.one) into v_rows
        from gateway.export_rows(p_kind, v_after, v_limit + 1) as e (one);
    exception
        when data_exception then
            return gateway.refusal('invalid', 'This cursor is not one that an export gave.');
    end;
    return jsonb_build_object(
        'rows', to_jsonb(coalesce(v_rows[:v_limit], '{}')),
        'next', case
            when cardinality(v_rows) > v_limit
                then (
                    select jsonb_agg(v_rows[v_limit] ->> o.name order by o.number)::text
                    from unnest(v_order) with ordinality as o (name, number)
                )
        end
    );
end;
$$;
