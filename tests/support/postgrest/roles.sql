-- Makes a Postgres look like Supabase's to what we bring there. For tests only: roles belong to the
-- whole server, so this can run again in each database of it.
--
-- On a project, `postgres` owns what migrations make but is no superuser: here that is the role
-- `project_owner`. PostgREST logs in as `authenticator` and becomes one of the other three.

do $$
begin
    if not exists (select 1 from pg_roles where rolname = 'authenticator') then
        create role anon nologin noinherit;
        create role authenticated nologin noinherit;
        create role service_role nologin noinherit bypassrls;
        create role authenticator login noinherit;
        grant anon, authenticated, service_role to authenticator;
        create role project_owner login createrole createdb bypassrls;
        grant anon, authenticated, service_role to project_owner with admin option;
        alter role anon set statement_timeout = '3s';
        alter role authenticated set statement_timeout = '8s';
        alter role authenticator set statement_timeout = '8s';
    end if;
end;
$$;

do $$
begin
    execute format('grant all on database %I to project_owner', current_database());
end;
$$;

grant usage on schema public to anon, authenticated, service_role;
grant all on schema public to project_owner;

-- What older projects give away by default; newer ones give nothing. Ours must be safe under both.
alter default privileges in schema public
grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public
grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public
grant all on sequences to anon, authenticated, service_role;
alter default privileges for role project_owner in schema public
grant all on tables to anon, authenticated, service_role;
alter default privileges for role project_owner in schema public
grant all on functions to anon, authenticated, service_role;
alter default privileges for role project_owner in schema public
grant all on sequences to anon, authenticated, service_role;
