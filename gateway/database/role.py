"""The role as which the gateway works on the embedded Postgres: it may call the public functions,
and nothing else. Only migrations, and who repairs something, come as the superuser.
"""

import hashlib
import hmac
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg

from gateway.database.migrate import LOCK
from gateway.stores.problems import explained

_driver: Any = asyncpg  # it has no types

ROLE = "localllm"
_TIMEOUT = 60.0
_MAKE = f"""
select pg_advisory_xact_lock({LOCK});
do $$
declare
    v_function regprocedure;
begin
    if not exists (select 1 from pg_catalog.pg_roles as r where r.rolname = '{ROLE}') then
        create role {ROLE};
    end if;
    alter role {ROLE} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls
        password '%s';
    for v_function in
        select p.oid::regprocedure
        from pg_catalog.pg_proc as p
        where
            p.pronamespace = 'public'::regnamespace
            and exists (
                select 1
                from pg_catalog.pg_proc as twin
                where
                    twin.pronamespace = 'gateway'::regnamespace
                    and twin.proname = p.proname || '_at'
            )
            and not has_function_privilege('{ROLE}', p.oid, 'execute')
    loop
        execute format('grant execute on function %%s to {ROLE}', v_function);
    end loop;
end;
$$;
"""  # noqa: S608 - only of our own constants, and of hexadecimal


async def as_role(dsn: str) -> str:
    """The address at which the gateway works, for that of the superuser. Makes the role, and gives
    it functions that are new. Raises StoreUnavailable."""
    parts = urlsplit(dsn)
    # Always the same: several processes share the server. Hexadecimal, so it needs no quoting.
    key = (parts.password or "").encode()
    password = hmac.new(key, ROLE.encode(), hashlib.sha256).hexdigest()
    with explained():
        connection = await _driver.connect(dsn, timeout=_TIMEOUT, command_timeout=_TIMEOUT)
        try:
            async with connection.transaction():
                await connection.execute(_MAKE % password)
        finally:
            await connection.close(timeout=5.0)
    return parts._replace(netloc=f"{quote(ROLE)}:{password}@").geturl()
