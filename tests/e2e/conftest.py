"""What most end-to-end tests need: a model server to command, a database, a home directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.failing_parts import fresh_database
from tests.e2e.gateway_process import fresh_directory
from tests.fake_upstream import FakeUpstream, fake_upstream
from tests.postgres_fixture import Server


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        yield running


@pytest.fixture
def dsn(postgres: Server) -> Iterator[str]:
    """The address of a new migrated database."""
    with fresh_database(postgres) as address:
        yield address


@pytest.fixture
def home() -> Iterator[Path]:
    with fresh_directory() as path:
        yield path
