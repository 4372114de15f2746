-- The rows of a kind that come after the values of a cursor (see gateway.moving_order), in order.
-- Null, for the first page, stands for values before all others, so that every page is one range of
-- an index.
create or replace function gateway.export_rows(p_kind text, p_after jsonb, p_limit integer)
returns setof jsonb
language plpgsql stable
as $$
declare
    v_no_id constant uuid := '00000000-0000-0000-0000-000000000000';
    v_time timestamptz;
    v_id uuid;
    v_month timestamptz;
    v_left integer := p_limit;
    v_found integer;
begin
    case p_kind
        when 'keys' then
            return query
            select to_jsonb(k) from gateway.api_keys as k
            where
                (k.created_at, k.id) > (
                    coalesce((p_after ->> 0)::timestamptz, '-infinity'),
                    coalesce((p_after ->> 1)::uuid, v_no_id)
                )
            order by k.created_at, k.id
            limit p_limit;
        when 'retired_keys' then
            return query
            select to_jsonb(r) from gateway.retired_keys as r
            where r.key_hash > coalesce(p_after ->> 0, '')
            order by r.key_hash
            limit p_limit;
        when 'counters' then
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
                c.api_key_id > coalesce((p_after ->> 0)::uuid, v_no_id)
                and c.month_start > '-infinity' -- it has one: see gateway.import_row
            order by c.api_key_id
            limit p_limit;
        when 'daily' then
            return query
            select to_jsonb(d) from gateway.usage_daily as d
            where
                (d.api_key_id, d.day, d.model) > (
                    coalesce((p_after ->> 0)::uuid, v_no_id),
                    coalesce((p_after ->> 1)::date, '-infinity'),
                    coalesce(p_after ->> 2, '')
                )
            order by d.api_key_id, d.day, d.model
            limit p_limit;
        when 'visitor_daily' then
            return query
            select to_jsonb(d) from gateway.visitor_daily as d
            where
                (d.api_key_id, d.day, d.visitor) > (
                    coalesce((p_after ->> 0)::uuid, v_no_id),
                    coalesce((p_after ->> 1)::date, '-infinity'),
                    coalesce((p_after ->> 2)::uuid, v_no_id)
                )
            order by d.api_key_id, d.day, d.visitor
            limit p_limit;
        when 'presets' then
            return query
            select to_jsonb(p) from gateway.presets as p
            where p.name > coalesce(p_after ->> 0, '')
            order by p.name
            limit p_limit;
        when 'preset_versions' then
            return query
            select to_jsonb(v) from gateway.preset_versions as v
            where
                (v.name, v.version)
                > (coalesce(p_after ->> 0, ''), coalesce((p_after ->> 1)::integer, 0))
            order by v.name, v.version
            limit p_limit;
        when 'logs' then -- no index has its order, so a month at a time is sorted
            v_time := coalesce((p_after ->> 0)::timestamptz, '-infinity');
            v_id := coalesce((p_after ->> 1)::uuid, v_no_id);
            for v_month in
                select m.month from gateway.log_months() as m
                where gateway.month_after(m.month) > v_time
                order by m.month
            loop
                return query
                select to_jsonb(page)
                from (
                    select l.* from gateway.usage_logs as l
                    where
                        l.created_at >= greatest(v_month, v_time)
                        and l.created_at < gateway.month_after(v_month)
                        and (l.created_at, l.request_id) > (v_time, v_id)
                    order by l.created_at, l.request_id
                    limit v_left
                ) as page;
                get diagnostics v_found = row_count;
                v_left := v_left - v_found;
                exit when v_left = 0;
            end loop;
    end case;
end;
$$;
