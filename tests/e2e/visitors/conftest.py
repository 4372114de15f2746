"""A gateway behind a proxy that it trusts: tests say in X-Forwarded-For where a visitor is."""

from collections.abc import Iterator

import pytest

from tests.support.callers import served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.fixtures import upstream_of_all

__all__ = ["upstream_of_all"]


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, shared_dsn, TRUSTED_PROXIES="127.0.0.1") as running:
        yield running
