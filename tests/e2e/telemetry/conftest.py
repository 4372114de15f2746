from collections.abc import Iterator

import pytest

from tests.support.failing_parts import fresh_database
from tests.support.fixtures import upstream_of_all
from tests.support.postgres import Server

__all__ = ["file_dsn", "upstream_of_all"]


@pytest.fixture(scope="module")
def file_dsn(postgres: Server) -> Iterator[str]:
    """A new migrated database for the tests of a file."""
    with fresh_database(postgres) as address:
        yield address
