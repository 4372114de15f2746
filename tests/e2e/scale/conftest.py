"""Two gateways on one database, as two homes behind one hostname: a caller meets either."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.callers import served
from tests.support.failing_parts import GatewayProcess, fresh_database
from tests.support.fake_upstream import FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.postgres import Server

__all__ = ["upstream_of_all"]

Pair = tuple[GatewayProcess, GatewayProcess]


@pytest.fixture(scope="module")
def pair(postgres: Server, shared_upstream: FakeUpstream) -> Iterator[Pair]:
    with ExitStack() as stack:
        dsn = stack.enter_context(fresh_database(postgres))

        def start() -> GatewayProcess:
            one = served(shared_upstream.url, dsn, TRUSTED_PROXIES="127.0.0.1")
            return stack.enter_context(one)

        yield start(), start()
