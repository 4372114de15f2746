-- What a key that is here has otherwise than a row that came for it; null: nothing. Times are
-- compared as times.
create or replace function gateway.key_difference(p_row jsonb) returns jsonb
language sql stable
begin atomic
    select
        jsonb_build_object(
            'id', k.id,
            'prefix', k.prefix,
            'label', k.label,
            'fields', jsonb_agg(c.name order by c.name)
        )
    from
        gateway.api_keys as k,
        jsonb_populate_record(null::gateway.api_keys, p_row) as came,
        jsonb_each(to_jsonb(came)) as c (name, value)
    where
        k.id = came.id
        and p_row ? c.name -- an older export lacks some
        and to_jsonb(k) -> c.name <> c.value
    group by k.id;
end;
