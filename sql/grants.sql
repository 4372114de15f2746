-- The public functions are the only door, and only for the server: on Supabase that is the role
-- service_role, elsewhere whoever owns the schema.

-- So that the tables of these months are among them.
select gateway.ensure_partitions_at(now());

do $$
declare
    v_table record;
    v_function record;
    v_role text;
    v_roles text[];
begin
    select array_agg(quote_ident(r.rolname)) into v_roles
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated');
    v_roles := array['public'] || coalesce(v_roles, '{}');

    for v_table in
        select t.oid::regclass as name
        from pg_catalog.pg_class as t
        where
            t.relnamespace = 'gateway'::regnamespace
            and t.relkind in ('r', 'p')
            -- to do it again would lock out who works on the table
            and not t.relrowsecurity
    loop
        execute format('alter table %s enable row level security', v_table.name);
    end loop;

    foreach v_role in array v_roles loop
        execute format('revoke all on schema gateway from %s', v_role);
        execute format('revoke all on all tables in schema gateway from %s', v_role);
        execute format('revoke all on all functions in schema gateway from %s', v_role);
    end loop;

    for v_function in
        select p.oid::regprocedure as signature
        from pg_catalog.pg_proc as p
        where
            p.pronamespace = 'public'::regnamespace
            -- ours are the ones that have a twin
            and exists (
                select 1
                from pg_catalog.pg_proc as twin
                where
                    twin.pronamespace = 'gateway'::regnamespace
                    and twin.proname = p.proname || '_at'
            )
    loop
        foreach v_role in array v_roles loop
            execute format('revoke all on function %s from %s', v_function.signature, v_role);
        end loop;
        if exists (select 1 from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
            execute format('grant execute on function %s to service_role', v_function.signature);
        end if;
    end loop;
end;
$$;
