-- Write what requests came to, if there are any, in the log and by day. The caller has the locks of
-- their keys' counters.
create or replace function gateway.write_logs(p_logs gateway.usage_logs[]) returns void
language plpgsql
as $$
begin
    if cardinality(p_logs) = 0 then
        return;
    end if;
    insert into gateway.usage_logs select l.* from unnest(p_logs) as l;

    insert into gateway.usage_daily as d (
        day, api_key_id, model,
        requests, prompt_tokens, completion_tokens, total_tokens, charged_tokens
    )
    select
        gateway.day_of(l.created_at),
        l.api_key_id,
        l.model,
        count(*),
        sum(l.prompt_tokens),
        sum(l.completion_tokens),
        sum(l.total_tokens),
        sum(l.charged_tokens)
    from unnest(p_logs) as l
    group by gateway.day_of(l.created_at), l.api_key_id, l.model
    on conflict (api_key_id, day, model) do update set
        requests = d.requests + excluded.requests,
        prompt_tokens = d.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = d.completion_tokens + excluded.completion_tokens,
        total_tokens = d.total_tokens + excluded.total_tokens,
        charged_tokens = d.charged_tokens + excluded.charged_tokens;
end;
$$;
