"""All that the catalogue knows of what is ours, as text that two databases can be compared by."""

from typing import Any

_QUERIES = {
    "schemas": """
        select n.nspname, n.nspacl::text, pg_get_userbyid(n.nspowner)
        from pg_namespace as n where n.nspname = 'gateway'
    """,
    "relations": """
        select c.relname, c.relkind, c.relacl::text, c.reloptions::text, c.relrowsecurity,
            c.relforcerowsecurity, c.relpersistence, pg_get_userbyid(c.relowner),
            pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid), i.inhparent::regclass,
            a.amname
        from pg_class as c
        left join pg_inherits as i on i.inhrelid = c.oid
        left join pg_am as a on a.oid = c.relam
        where c.relnamespace in ('gateway'::regnamespace, 'public'::regnamespace)
    """,
    "columns": """
        select c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            a.attidentity, a.attgenerated, a.attstorage, a.attacl::text,
            pg_get_expr(d.adbin, d.adrelid)
        from pg_attribute as a
        join pg_class as c on c.oid = a.attrelid
        left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where c.relnamespace = 'gateway'::regnamespace and a.attnum > 0 and not a.attisdropped
    """,
    "constraints": """
        select conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid)
        from pg_constraint where connamespace = 'gateway'::regnamespace
    """,
    "indexes": """
        select tablename, indexname, indexdef from pg_indexes where schemaname = 'gateway'
    """,
    "functions": """
        select p.oid::regprocedure, pg_get_functiondef(p.oid), p.proacl::text,
            pg_get_userbyid(p.proowner)
        from pg_proc as p
        where p.pronamespace in ('gateway'::regnamespace, 'public'::regnamespace)
    """,
    "policies": "select schemaname, tablename, policyname from pg_policies",
    "triggers": "select tgrelid::regclass, tgname from pg_trigger where not tgisinternal",
    "steps": "select version, checksum from gateway.migrations",
}


async def snapshot(connection: Any) -> dict[str, list[str]]:
    """A sorted line for each thing."""
    return {
        what: sorted(" | ".join(map(str, row)) for row in await connection.fetch(query))
        for what, query in _QUERIES.items()
    }


async def contents(connection: Any) -> dict[str, list[str]]:
    """Every row of every table of ours but the books of the migrations, as JSON; what has no value
    is left out, so that a column that is new and empty does not show."""
    tables = await connection.fetch(
        "select relname from pg_class where relnamespace = 'gateway'::regnamespace "
        "and relkind in ('r', 'p') and not relispartition and relname <> 'migrations'"
    )
    rows: dict[str, list[str]] = {}
    for (table,) in tables:
        found = await connection.fetch(
            f"select jsonb_strip_nulls(to_jsonb(t))::text from gateway.{table} as t"
        )
        rows[table] = sorted(row[0] for row in found)
    return rows
