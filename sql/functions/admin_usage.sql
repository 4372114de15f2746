-- The rows of the usage report with the key that each belongs to: of one key, or of all (null).

create or replace function gateway.admin_usage_at(
    p_now timestamptz, p_key_id uuid, p_from date, p_to date
) returns jsonb
language plpgsql stable
as $$
begin
    if not exists (select 1 from gateway.api_keys as k where k.id = p_key_id)
        and p_key_id is not null
    then
        return gateway.unknown_key();
    end if;
    return (
        select
            jsonb_build_object(
                'data',
                coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'date', u.day,
                            'api_key_id', u.api_key_id,
                            'model', u.model,
                            'requests', u.requests,
                            'prompt_tokens', u.prompt_tokens,
                            'completion_tokens', u.completion_tokens,
                            'total_tokens', u.total_tokens
                        ) order by u.day, u.api_key_id, u.model
                    ),
                    '[]'
                )
            )
        from gateway.usage_rows(
            p_key_id,
            gateway.first_day(p_now, p_from, p_to),
            coalesce(p_to, gateway.day_of(p_now))
        ) as u
    );
end;
$$;

create or replace function public.admin_usage(p_key_id uuid, p_from date, p_to date)
returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.admin_usage_at(now(), p_key_id, p_from, p_to);
end;
