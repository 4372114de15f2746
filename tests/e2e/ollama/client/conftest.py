"""A client of the `ollama` package, with a key of its own."""

from collections.abc import Iterator

import pytest
from ollama import Client

from tests.support.callers import bearer, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream


@pytest.fixture
def upstream(shared_upstream: FakeUpstream) -> FakeUpstream:
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture
def key(gateway: GatewayProcess) -> str:
    return make_key(gateway.url)


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[Client]:
    with Client(host=gateway.url, headers=bearer(key)) as made:
        yield made
