-- What is wrong with a row that comes from another database, beyond what types and constraints say;
-- null: nothing.
create or replace function gateway.check_row(
    p_now timestamptz, p_kind text, p_columns text[], p_row jsonb
) returns text
language plpgsql stable
as $$
declare
    v_name text;
    v_month timestamptz;
begin
    select coalesce(f.name, c.name) into v_name
    from jsonb_object_keys(p_row) as f (name)
    full join unnest(p_columns) as c (name) on f.name = c.name
    where
        c.name is null
        or (
            f.name is null -- older exports lack these
            and c.name <> all(
                '{max_output_tokens,visitors,visitor_salt,visitor,backend}'::text[]
            )
        )
    order by 1
    limit 1;
    if v_name is not null then -- a newer version's, or a damaged file: a lost limit is no limit
        return v_name || case when p_row ? v_name then ' is unknown' else ' is missing' end;
    end if;
    if jsonb_path_exists(p_row - '{ttft_ms,duration_ms}'::text[], '$.* ? (@ < 0)') then
        return 'a count is negative';
    end if;
    if p_kind = 'presets' then
        return gateway.preset_problem(jsonb_populate_record(null::gateway.presets, p_row))
        ->> 'detail';
    end if;
    if p_kind = 'preset_versions' then
        return case
            when not exists (select 1 from gateway.presets as p where p.name = p_row ->> 'name')
                then 'there is no preset of this name'
            when jsonb_typeof(p_row -> 'content') <> 'object' then 'content is not an object'
        end;
    end if;
    if p_kind <> 'keys' and not exists (
        select 1 from gateway.api_keys as k where k.id = (p_row ->> 'api_key_id')::uuid
    ) then
        return 'there is no key with this api_key_id';
    end if;
    v_month := p_row ->> 'month_start';
    if v_month <> gateway.month_of(v_month) or v_month > gateway.month_after(p_now) then
        return 'month_start is not the start of a month that has begun';
    end if;
    if p_kind = 'logs' and not isfinite((p_row ->> 'created_at')::timestamptz) then
        return 'created_at is not a time';
    end if;
    return gateway.visitors_problem(p_row -> 'visitors');
end;
$$;
