"""A database for each file: presets are known by name."""

from collections.abc import Iterator

import pytest

from tests.support.failing_parts import fresh_database
from tests.support.postgres import Server


@pytest.fixture(scope="module")
def own_dsn(postgres: Server) -> Iterator[str]:
    with fresh_database(postgres) as address:
        yield address
