"""The stand-in as a fixture. A conftest that wants it imports `supabase`."""

from collections.abc import Iterator

import pytest

from tests.support.postgrest.stand_in import StandIn, stand_in


@pytest.fixture
def supabase(database: str) -> Iterator[StandIn]:
    """A project whose database has just been migrated."""
    with stand_in(database) as project:
        yield project
