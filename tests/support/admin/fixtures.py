"""Fixtures for tests of /admin. The conftest imports them."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.admin.calls import Owner
from tests.support.admin.servers import Admin, function_admin, gateway_admin
from tests.support.deno import needs_deno
from tests.support.failing_parts import fresh_database
from tests.support.postgres import Server, execute

_EMPTY = """
truncate gateway.api_keys, gateway.retired_keys, gateway.key_counters, gateway.holds,
    gateway.usage_logs, gateway.usage_daily, gateway.admin_failures,
    gateway.presets, gateway.preset_versions
"""


@pytest.fixture(scope="module")
def gateway_side(postgres: Server) -> Iterator[Admin]:
    with fresh_database(postgres) as dsn, gateway_admin(dsn) as admin:
        yield admin


@pytest.fixture(scope="module")
def function_side(postgres: Server) -> Iterator[Admin]:
    with fresh_database(postgres) as dsn, function_admin(dsn) as admin:
        yield admin


@pytest.fixture(params=["gateway", pytest.param("function", marks=needs_deno)])
def admin(request: pytest.FixtureRequest) -> Admin:
    """Each of the two, with an empty database."""
    return emptied(request.getfixturevalue(f"{request.param}_side"))


@pytest.fixture
def owner(admin: Admin) -> Iterator[Owner]:
    """Who knows its secret."""
    with Owner(admin.url) as client:
        yield client


def emptied(admin: Admin) -> Admin:
    asyncio.run(execute(admin.dsn, _EMPTY))
    return admin
