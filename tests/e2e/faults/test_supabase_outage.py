"""While Supabase is away known keys go on, others are told to come later, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.books import Books
from tests.support.callers import bearer, connect
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import FakeUpstream
from tests.support.postgrest.stand_in import Fault, StandIn, stand_in
from tests.support.supabase_project import gateway_of, nothing_waits, stopped
from tests.support.watching_client import ask

pytestmark = pytest.mark.anyio


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


async def known_key(dsn: str, gateway: GatewayProcess, **options: int) -> Books:
    """A key that the gateway has seen answered."""
    books = Books(dsn)
    key = await books.make_key(**options)
    assert (await ask(gateway.url, key, "first")).complete
    return books


async def test_known_keys_go_on_unknown_ones_come_later_and_all_is_counted_afterwards(
    gateway: GatewayProcess, project: StandIn, dsn: str
):
    books, stranger = await known_key(dsn, gateway), Books(dsn)
    await stranger.make_key()
    with stopped(project):
        for number in range(5):
            seen = await ask(gateway.url, books.key, f"offline {number}", stream=number % 2 == 0)
            assert seen.complete
            assert int(seen.headers["x-ratelimit-remaining-tokens"]) > 0
        refused = await ask(gateway.url, stranger.key, "offline")
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) > 0
        health = await gateway.health()
        assert health["store"] == {"kind": "supabase", "state": "unavailable"}
        assert health["outbox"]["waiting"] >= 5

        async def is_old() -> bool:
            return (await gateway.health())["outbox"]["oldest_seconds"] > 0

        await eventually(is_old)  # it is told in tenths
    rows = await books.settled(6)
    assert {row.usage_source for row in rows.values()} == {"reported"}
    await eventually(lambda: nothing_waits(gateway))

    async def is_served() -> bool:
        return (await ask(gateway.url, stranger.key, "back")).complete

    await eventually(is_served)
    assert len(await stranger.settled(1)) == 1


@pytest.mark.parametrize("fault", [Fault.PAUSED_540, Fault.WRONG_KEY_401, Fault.HTML_502])
async def test_a_project_that_is_there_but_refuses_is_away_too(
    gateway: GatewayProcess, project: StandIn, dsn: str, fault: Fault
):
    books = await known_key(dsn, gateway)
    project.fault = lambda call: fault
    assert (await ask(gateway.url, books.key, "offline")).complete
    project.fault = None
    assert len(await books.settled(2)) == 2


async def test_a_gateway_that_starts_and_is_killed_meanwhile_loses_nothing(
    gateway: GatewayProcess, project: StandIn, dsn: str
):
    books = await known_key(dsn, gateway)
    with stopped(project):
        assert (await ask(gateway.url, books.key, "before the kill")).complete
        await gateway.kill()
        await gateway.start()
        assert gateway.running is not None
        await asyncio.to_thread(gateway.running.wait_for, "settlements from before are sent now")
        assert (await ask(gateway.url, books.key, "a stranger now")).status == 503
        assert await gateway.stop() == 0
        await gateway.start()
    assert len(await books.settled(2)) == 2
    await eventually(lambda: nothing_waits(gateway))


async def test_after_its_grace_a_known_key_comes_later_too(
    project: StandIn, home: Path, upstream: FakeUpstream, dsn: str
):
    async with gateway_of(project, home, upstream, OFFLINE_GRACE_SECONDS=0) as gateway:
        books = await known_key(dsn, gateway)
        with stopped(project):
            assert (await ask(gateway.url, books.key, "offline")).status == 503
        assert len(await books.settled(1)) == 1


async def test_no_more_is_answered_than_the_key_had_left(
    gateway: GatewayProcess, project: StandIn, dsn: str, upstream: FakeUpstream
):
    """Each answer costs 16 tokens and holds 50 and the prompt's bound, as long as it runs."""
    limit = 400
    books = await known_key(dsn, gateway, monthly_token_limit=limit)
    await books.settled(1)
    assert (await ask(gateway.url, books.key, "second")).complete
    await books.settled(2)
    with stopped(project):
        statuses = [(await ask(gateway.url, books.key, "off")).status for _ in range(40)]
    served = statuses.count(200)
    assert set(statuses) == {200, 503}
    rows = await books.settled(2 + served)
    assert sum(sum(row.counts) for row in rows.values()) <= limit


async def test_the_list_of_models_and_large_requests_go_on_for_keys_that_used_them(
    gateway: GatewayProcess, project: StandIn, dsn: str
):
    books = await known_key(dsn, gateway)
    long = "word" * 25_000  # one word: it may fit the model
    with connect(gateway.url) as client:

        def models() -> int:
            return client.get("/v1/models", headers=bearer(books.key)).status_code

        assert await asyncio.to_thread(models) == 200
        with stopped(project):
            assert await asyncio.to_thread(models) == 200
            body = {"model": "fake", "messages": [{"role": "user", "content": long}]}
            answer = await asyncio.to_thread(
                lambda: client.post("/v1/chat/completions", json=body, headers=bearer(books.key))
            )
            assert answer.status_code == 200
            usage = await asyncio.to_thread(
                lambda: client.get("/v1/usage", headers=bearer(books.key))
            )
            assert usage.status_code == 503
    assert len(await books.settled(2)) == 2


async def test_settlements_of_many_requests_share_a_call(
    gateway: GatewayProcess, project: StandIn, dsn: str
):
    books = await known_key(dsn, gateway)
    await books.settled(1)
    project.reset()
    answers = await asyncio.gather(*(ask(gateway.url, books.key, f"n{n}") for n in range(50)))
    assert all(answer.complete for answer in answers)
    await books.settled(51)
    batches = [c.arguments["p_settlements"] for c in project.calls if c.function[:6] == "settle"]
    assert sum(map(len, batches)) == 50
    assert max(map(len, batches)) > 1
    assert sum(call.function == "authorize_request" for call in project.calls) == 50
