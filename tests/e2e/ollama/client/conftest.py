"""A client of the `ollama` package, with a key of its own."""

from collections.abc import Iterator

import pytest
from ollama import Client

from tests.support.callers import bearer
from tests.support.failing_parts import GatewayProcess


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[Client]:
    with Client(host=gateway.url, headers=bearer(key)) as made:
        yield made
