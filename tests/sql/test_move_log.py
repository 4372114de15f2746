"""The request log moves to another database with the machine that served, and so does an older one
that does not name it."""

from collections.abc import AsyncIterator

import pytest

from tests.support.postgres import TEMPLATE, Server, _fresh
from tests.support.sql.ledger import Ledger, open_ledger, settlement
from tests.support.sql.moving import export, take

pytestmark = pytest.mark.anyio

MACHINES = "select array_agg(backend) from gateway.usage_logs"


@pytest.fixture
async def source(postgres: Server) -> AsyncIterator[Ledger]:
    async with _fresh(postgres, TEMPLATE) as dsn:
        ledger = await open_ledger(dsn)
        yield ledger
        await ledger.connection.close()


@pytest.mark.parametrize(("left_out", "there"), [((), "den-pc"), (("backend",), None)])
async def test_a_log_moves_with_its_machine_and_without(
    source: Ledger, ledger: Ledger, left_out: tuple[str, ...], there: str | None
):
    key = await source.key()
    await source.settle(settlement(await source.hold(key), 3, 4, backend="den-pc"))
    await take(ledger, "keys", await export(source, "keys"))
    rows = [
        {name: value for name, value in row.items() if name not in left_out}
        for row in await export(source, "logs")
    ]
    assert await take(ledger, "logs", rows) == {"imported": 1, "present": 0}
    assert await ledger.value(MACHINES) == [there]
    assert await ledger.logged(key) == (7, 1)
