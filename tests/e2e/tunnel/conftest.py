from collections.abc import Iterator

import pytest

from tests.support.failing_parts import fresh_database
from tests.support.postgres import Server


@pytest.fixture(scope="module")
def shared_dsn(postgres: Server) -> Iterator[str]:
    """A database for each file: `up` shows a key only where there is none yet."""
    with fresh_database(postgres) as address:
        yield address
