"""While Supabase is away, a gateway goes on with the presets that it knows, also one that may only
serve calls."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.books import Books
from tests.support.callers import bearer
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.postgrest.stand_in import StandIn, stand_in
from tests.support.presets import NAME, SECRET, told
from tests.support.sql.ledger import NOON, open_ledger
from tests.support.supabase_project import gateway_of, stopped

__all__ = ["upstream_of_all"]
pytestmark = pytest.mark.anyio
BODY = {"model": NAME, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def project(dsn: str) -> Iterator[StandIn]:
    with stand_in(dsn) as running:
        yield running


@pytest.fixture(params=[False, True], ids=["secret key", "gateway token"])
async def gateway(
    request: pytest.FixtureRequest, project: StandIn, home: Path, upstream: FakeUpstream
) -> AsyncIterator[GatewayProcess]:
    async with gateway_of(project, home, upstream, token=request.param) as running:
        yield running


async def test_a_known_preset_goes_on_and_is_counted_afterwards(
    gateway: GatewayProcess, project: StandIn, dsn: str, upstream: FakeUpstream
):
    ledger = await open_ledger(dsn)
    fields = json.dumps({"model": MODEL, "system": SECRET})
    await ledger.admin("create_preset", NOON, "faq", fields)
    await ledger.connection.close()
    books = Books(dsn)
    key = await books.make_key()
    stranger = Books(dsn)
    await stranger.make_key()

    async with httpx.AsyncClient(base_url=gateway.url, timeout=60, verify=False) as client:

        async def ask(shown: str) -> httpx.Response:
            return await client.post("/v1/chat/completions", json=BODY, headers=bearer(shown))

        assert (await ask(key)).status_code == 200
        with stopped(project):
            assert (await ask(key)).status_code == 200
            assert (await ask(stranger.key)).status_code == 503
        rows = await books.settled(2)
    assert [told(one).system for one in upstream.chats] == [SECRET] * 2
    assert len(rows) == 2


async def test_a_preset_that_nobody_knows_yet_comes_later(
    gateway: GatewayProcess, project: StandIn, dsn: str, upstream: FakeUpstream
):
    books = Books(dsn)
    key = await books.make_key()
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60, verify=False) as client:
        plain = {**BODY, "model": MODEL}
        headers = bearer(key)
        known = await client.post("/v1/chat/completions", json=plain, headers=headers)
        assert known.status_code == 200
        with stopped(project):
            refused = await client.post("/v1/chat/completions", json=BODY, headers=headers)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert len(upstream.chats) == 1
