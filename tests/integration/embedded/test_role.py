"""The gateway works on the embedded Postgres as a role that may call its functions, and no more."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.config.settings import Settings
from gateway.database.migrate import migrate
from gateway.database.opening import open_store, reach_database
from gateway.database.role import ROLE, as_role
from gateway.embedded.account import Account, EmbeddedError, own

pytestmark = pytest.mark.anyio

FORBIDDEN = [
    "select * from gateway.api_keys",
    "update gateway.api_keys set rate_limit_per_min = 1",
    "select gateway.month_of(now())",
    "create table public.mine (x integer)",
    "create role other superuser",
    "alter role localllm superuser",
    "select pg_read_file('/etc/passwd')",
    "copy (select 1) to program 'id'",
    "select * from pg_authid",
]


@pytest.fixture
async def superuser(tmp_path: Path) -> AsyncIterator[str]:
    async with reach_database(Settings(data_dir=tmp_path), lambda _: None) as (dsn, _):
        yield dsn


async def test_it_may_do_its_work_and_nothing_else(superuser: str):
    await migrate(superuser)  # as the last release left it: there is no role yet
    for _ in range(2):
        dsn = await as_role(superuser)
    parts = urlsplit(dsn)
    assert parts.username == ROLE
    assert parts.password != urlsplit(superuser).password
    connection: Any = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow("select * from public.identify_key('x', 'chat', null)")
        assert row["allowed"] is False
        assert await connection.fetchval("select rolsuper from pg_roles where rolname = user") is (
            False
        )
        for statement in FORBIDDEN:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_store_of_the_embedded_server_works_so(tmp_path: Path):
    async with open_store(Settings(data_dir=tmp_path), lambda _: None) as opened:
        await opened.store.check()
        listed = await opened.store.admin("list_api_keys", {"p_cursor": None, "p_limit": 1})
        assert listed["data"] == []
    modes = {
        path.name: path.stat().st_mode & 0o777
        for path in tmp_path.iterdir()
        if path.is_file() and not path.is_symlink()
    }
    assert modes
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives away")
@pytest.mark.parametrize("swapped", ["link", "second name", "another's"])
def test_root_gives_nothing_away_that_was_put_in_its_place(tmp_path: Path, swapped: str):
    victim, path = tmp_path / "victim", tmp_path / "made"
    victim.write_text("root's")
    if swapped == "link":
        path.symlink_to(victim)
    elif swapped == "second name":
        path.hardlink_to(victim)
    else:
        path.write_text("x")
        os.chown(path, 1234, 1234)
    with pytest.raises((OSError, EmbeddedError)):
        own(path, Account(65534, 65534))
    assert victim.stat().st_uid == 0
