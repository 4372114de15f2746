-- One page of what moves to another database (`localllm db export`), a kind at a time. The order is
-- one in which new rows come last, where there is such.
create or replace function public.export_data(p_kind text, p_cursor text, p_limit integer)
returns jsonb
language plpgsql stable
security definer
set search_path = ''
as $$
begin
    return gateway.export_data_at(p_kind, p_cursor, p_limit);
end;
$$;
