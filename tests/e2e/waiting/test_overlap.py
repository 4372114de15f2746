"""With a distant store the model begins before the verdict, and nothing leaves before the yes."""

import asyncio

import httpx
import pytest

from gateway.proxy.outbox_file import left_in
from tests.support.books import Books
from tests.support.callers import bearer, connect
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.overlapping import gateway, project, reached, sees_nothing, undecided
from tests.support.postgres import execute
from tests.support.postgrest.stand_in import StandIn
from tests.support.prometheus_text import Samples, scrape
from tests.support.watching_client import Client, ask

__all__ = ["gateway", "project"]
pytestmark = pytest.mark.anyio


@pytest.fixture
async def books(dsn: str, gateway: GatewayProcess) -> Books:
    """Of a key in good standing."""
    made = Books(dsn)
    key = await made.make_key()
    assert (await ask(gateway.url, key, "first")).complete
    await made.settled(1)
    return made


async def answered(upstream: FakeUpstream, exchange: Exchange) -> None:
    """All of its answer is on the way to the gateway, or nobody wants it any more."""
    await asyncio.to_thread(upstream.wait_until, lambda: exchange.ended)


@pytest.mark.parametrize("stream", [True, False])
async def test_the_model_answers_meanwhile_and_the_client_sees_it_after_the_yes(
    gateway: GatewayProcess, upstream: FakeUpstream, books: Books, project: StandIn, stream: bool
):
    with undecided(project):
        client = await Client.ask(gateway.url, books.key, "early", stream=stream)
        exchange = await reached(upstream, "early")
        assert await sees_nothing(client, gateway)
    seen = await client.answer()
    assert seen.complete
    assert exchange.json["max_tokens"] == 50
    assert int(seen.headers["x-ratelimit-remaining-requests"]) > 0
    assert len(await books.settled(2)) == 2
    assert [one.text for one in upstream.chats] == ["first", "early"], "it was asked once"


async def test_a_key_that_is_not_known_waits_for_its_verdict(
    gateway: GatewayProcess, upstream: FakeUpstream, dsn: str, project: StandIn
):
    books = Books(dsn)
    await books.make_key()
    with undecided(project):
        client = await Client.ask(gateway.url, books.key, "stranger")
        assert await sees_nothing(client, gateway)
        assert upstream.chats == []
    assert (await client.answer()).complete


@pytest.mark.parametrize("slow", [False, True], ids=["answered", "thinking"])
async def test_a_key_revoked_meanwhile_stops_the_model_and_gets_no_byte_of_it(
    gateway: GatewayProcess, upstream: FakeUpstream, books: Books, project: StandIn, slow: bool
):
    if slow:
        upstream.behave = lambda exchange: asyncio.Event().wait()
    with undecided(project):
        client = await Client.ask(gateway.url, books.key, "revoked")
        exchange = await reached(upstream, "revoked")
        if not slow:
            assert await sees_nothing(client, gateway)
        await execute(books.dsn, "update gateway.api_keys set revoked_at = now()")
    seen = await client.answer()
    assert seen.status == 401
    assert b"revoked" in seen.body
    assert b"Hello" not in seen.body
    await answered(upstream, exchange)
    assert exchange.gone or not slow
    assert len(await books.settled()) == 1  # the first one only: nothing was served
    assert await books.holds() == 0


async def test_a_refusal_of_the_model_server_is_not_told_to_a_revoked_key(
    gateway: GatewayProcess, upstream: FakeUpstream, books: Books, project: StandIn
):
    upstream.behave = lambda exchange: exchange.whole({"error": {"message": "inside"}}, 500)
    with undecided(project):
        client = await Client.ask(gateway.url, books.key, "revoked")
        await reached(upstream, "revoked")
        assert await sees_nothing(client, gateway)
        await execute(books.dsn, "update gateway.api_keys set revoked_at = now()")
    seen = await client.answer()
    assert seen.status == 401
    assert b"inside" not in seen.body


async def test_where_less_is_left_than_was_expected_the_model_is_asked_again_for_that(
    gateway: GatewayProcess, upstream: FakeUpstream, books: Books, project: StandIn
):
    with undecided(project):
        client = await Client.ask(gateway.url, books.key, "limited")
        first = await reached(upstream, "limited")
        room = "16 + 7 + 32 + 9"  # what was used, the prompt's bound, and nine tokens more
        await execute(books.dsn, f"update gateway.api_keys set monthly_token_limit = {room}")
    assert (await client.answer()).complete
    second = upstream.chats[-1]
    assert (first.json["max_tokens"], second.json["max_tokens"]) == (50, 9)
    rows = await books.settled(2)
    assert len(rows) == 2


@pytest.mark.parametrize("revoked", [False, True])
async def test_a_client_that_leaves_before_the_verdict_frees_the_model_and_leaves_no_hold(
    gateway: GatewayProcess, upstream: FakeUpstream, books: Books, project: StandIn, revoked: bool
):
    upstream.behave = lambda exchange: asyncio.Event().wait()
    with undecided(project):
        client = await Client.ask(gateway.url, books.key, "gone")
        exchange = await reached(upstream, "gone")
        await client.leave()
        await answered(upstream, exchange)
        assert exchange.gone
        if revoked:
            await execute(books.dsn, "update gateway.api_keys set revoked_at = now()")
    rows = await books.settled(1 if revoked else 2)
    with connect(gateway.url) as owner:
        told = await eventually(lambda: _counted(owner, 2))
    assert told.total("localllm_requests_total", status="client_gone") == 1
    tokens = sum(sum(row.counts) for row in rows.values())
    assert told.total("localllm_tokens_total") == tokens, "told before its end was known"
    assert len(rows) == (1 if revoked else 2)
    assert revoked or "client_gone" in {row.status for row in rows.values()}

    async def nothing_waits() -> bool:
        return (await gateway.health())["outbox"]["waiting"] == 0

    await eventually(nothing_waits)
    assert await books.holds() == 0
    assert left_in(gateway.data_dir / "outbox") == (0, None), "a slot was not given back"


async def test_a_gateway_that_stops_meanwhile_waits_for_the_verdict_and_settles(
    gateway: GatewayProcess, upstream: FakeUpstream, books: Books, project: StandIn
):
    with undecided(project):
        client = await Client.ask(gateway.url, books.key, "stopping")
        await reached(upstream, "stopping")
        stopping = asyncio.create_task(gateway.stop())
        await asyncio.sleep(0)
    assert (await client.answer()).complete
    assert await stopping == 0
    assert len(await books.settled(2)) == 2


async def test_large_requests_of_a_key_in_good_standing_cost_no_call_more(
    gateway: GatewayProcess, upstream: FakeUpstream, books: Books, project: StandIn
):
    project.reset()
    long = "word" * 25_000  # one word: it may fit the model
    with connect(gateway.url) as client:
        body = {"model": "fake", "messages": [{"role": "user", "content": long}]}
        answer = await asyncio.to_thread(
            lambda: client.post("/v1/chat/completions", json=body, headers=bearer(books.key))
        )
    assert answer.status_code == 200
    await books.settled(2)
    decisions = [call.function for call in project.calls if "settle" not in call.function]
    assert decisions.count("authorize_request") == 1
    assert "identify_key" not in decisions


async def _counted(owner: httpx.Client, requests: int) -> Samples | None:
    """The figures, once so many requests are in them."""
    told = await asyncio.to_thread(scrape, owner)
    return told if told.total("localllm_requests_total") == requests else None
