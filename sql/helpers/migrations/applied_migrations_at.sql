-- Asks for no time, but only what has a twin is ours: see sql/grants.sql.
create or replace function gateway.applied_migrations_at() returns jsonb
language sql stable
begin atomic
    select coalesce(jsonb_object_agg(m.version, m.checksum), '{}')
    from gateway.migrations as m;
end;
