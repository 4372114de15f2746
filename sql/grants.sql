-- The public functions are the only door, and only for the server: elsewhere whoever owns the
-- schema; on Supabase the role service_role, or localllm_gateway, which may only serve calls.

-- So that the tables of these months are among them.
select gateway.ensure_partitions_at(now());

-- Supabase's Data API logs in as authenticator, and becomes the role that a token names.
do $$
begin
    if not exists (select 1 from pg_catalog.pg_roles as r where r.rolname = 'authenticator') then
        return;
    end if;
    if not exists (select 1 from pg_catalog.pg_roles as r where r.rolname = 'localllm_gateway') then
        if not exists (
            select 1 from pg_catalog.pg_roles as r
            where r.rolname = current_user and (r.rolcreaterole or r.rolsuper)
        ) then
            return;
        end if;
        create role localllm_gateway nologin noinherit;
    end if;
    if not pg_has_role('authenticator', 'localllm_gateway', 'member') then
        grant localllm_gateway to authenticator;
    end if;
    if not has_schema_privilege('localllm_gateway', 'public', 'usage') then
        grant usage on schema public to localllm_gateway;
    end if;
end;
$$;

do $$
declare
    -- All that localllm_gateway may do. Nothing here makes, lists or changes a key.
    v_serving constant text[] := array[
        'authorize_request', -- may this key do that, and what is left of its limits
        'identify_key', -- who a key belongs to, on routes that cost no tokens
        'settle_requests', -- what a request came to
        'sweep_holds', -- which requests still run, once a minute
        'keep_house', -- next month's part of the log, once a day: nobody else makes it
        'current_presets', -- what is behind the models that are called @preset/…
        'usage_report', -- GET /v1/usage: a key reads its own
        'visitor_report', -- the same for a visitor
        'create_visitor_token', -- POST /v1/visitor-tokens, with the key of a site
        'visitor_issuers', -- whose users are visitors of which key
        'watch_alerts', -- what the owner has to be told of, and who tells it
        'note_deliveries', -- what came of telling it
        'applied_migrations' -- at the start, and for /health: does the schema fit
    ];
    v_table record;
    v_function record;
    v_role text;
    v_roles text[];
begin
    select array_agg(quote_ident(r.rolname)) into v_roles
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated', 'localllm_gateway');
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
        select
            p.oid::regprocedure as signature,
            p.proname = any(v_serving) as serves
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
        if v_function.serves and 'localllm_gateway' = any(v_roles) then
            execute format(
                'grant execute on function %s to localllm_gateway', v_function.signature
            );
        end if;
    end loop;
end;
$$;
