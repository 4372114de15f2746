"""A ledger for each test, and more of them for tests of many callers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.support.sql.ledger import Ledger, open_ledger


@pytest.fixture
async def open_more(database: str) -> AsyncIterator[Callable[[], Awaitable[Ledger]]]:
    """Opens another connection to the test's database."""
    opened: list[Ledger] = []

    async def another() -> Ledger:
        opened.append(await open_ledger(database))
        return opened[-1]

    yield another
    for ledger in opened:
        await ledger.connection.close()


@pytest.fixture
async def ledger(open_more: Callable[[], Awaitable[Ledger]]) -> Ledger:
    return await open_more()
