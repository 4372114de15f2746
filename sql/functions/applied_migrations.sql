-- What this schema is made of: version and checksum of each step, as gateway.migrations has them.
-- Over RPC nobody sees that table.
create or replace function public.applied_migrations() returns jsonb
language sql stable
security definer
set search_path = ''
begin atomic
    select gateway.applied_migrations_at();
end;
