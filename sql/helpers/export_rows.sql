-- The rows of a kind that come after a cursor's values (null: from the first on), in order.

create or replace function gateway.export_rows(p_kind text, p_after jsonb, p_limit integer)
returns setof jsonb
language plpgsql stable
as $$
declare
    v_month timestamptz;
    v_left integer := p_limit;
    v_found integer;
begin
    case p_kind
        when 'keys' then
            return query
            select to_jsonb(k) from gateway.api_keys as k
            where
                p_after is null
                or (k.created_at, k.id) > ((p_after ->> 0)::timestamptz, (p_after ->> 1)::uuid)
            order by k.created_at, k.id
            limit p_limit;
        when 'retired_keys' then
            return query
            select to_jsonb(r) from gateway.retired_keys as r
            where p_after is null or r.key_hash > p_after ->> 0
            order by r.key_hash
            limit p_limit;
        when 'counters' then -- what runs now is not moved
            return query
            select
                jsonb_build_object(
                    'api_key_id', c.api_key_id,
                    'month_start', c.month_start,
                    'tokens_used', c.tokens_used,
                    'requests', c.requests,
                    'last_used_at', c.last_used_at
                )
            from gateway.key_counters as c
            where
                (p_after is null or c.api_key_id > (p_after ->> 0)::uuid)
                and c.month_start > '-infinity'
            order by c.api_key_id
            limit p_limit;
        when 'daily' then
            return query
            select to_jsonb(d) from gateway.usage_daily as d
            where
                p_after is null
                or (d.api_key_id, d.day, d.model)
                > ((p_after ->> 0)::uuid, (p_after ->> 1)::date, p_after ->> 2)
            order by d.api_key_id, d.day, d.model
            limit p_limit;
        when 'logs' then -- no index has this order, so only a month at a time is sorted
            for v_month in
                select m.month from gateway.log_months() as m
                where
                    p_after is null
                    or m.month >= gateway.month_of((p_after ->> 0)::timestamptz)
                order by m.month
            loop
                return query
                select to_jsonb(l) from gateway.usage_logs as l
                where
                    l.created_at >= v_month and l.created_at < gateway.month_after(v_month)
                    and (
                        p_after is null
                        or (l.created_at, l.request_id)
                        > ((p_after ->> 0)::timestamptz, (p_after ->> 1)::uuid)
                    )
                order by l.created_at, l.request_id
                limit v_left;
                get diagnostics v_found = row_count;
                v_left := v_left - v_found;
                exit when v_left = 0;
            end loop;
    end case;
end;
$$;
