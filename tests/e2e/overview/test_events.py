"""GET /admin/events: what happens is told as it happens, and a stream is in nobody's way."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from gateway.overview.events import MOST_WATCHERS
from tests.support.callers import admin, connect, make_keys, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.gateway_process import PATIENCE
from tests.support.watching_client import Client, ask
from tests.support.watching_owner import SECRET, watching

PROMPT = "the-words-of-a-prompt"


def mine(status: Any, key: Any) -> list[Any]:
    """Whose requests run, of this key: others of the gateway's are none of the test's business."""
    return [one["key"] for one in status["running"] if one["key"]["id"] == key["id"]]


async def let_in(url: str, stack: contextlib.AsyncExitStack) -> None:
    """Watch, as soon as there is room: a page of another test may have left just now."""
    while True:
        watched = await stack.enter_async_context(watching(url))
        if watched.response.status_code == 200:
            return


def test_it_shows_a_request_that_runs_and_then_its_row_of_the_log(
    upstream: FakeUpstream, gateway: GatewayProcess
) -> None:
    gate = upstream.gate()

    async def hold(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words()
        await gate.passed()
        await exchange.usage()

    async def scene() -> None:
        key = await asyncio.to_thread(make_keys, gateway.url, "watched")
        async with watching(gateway.url) as owner:
            media = owner.response.headers["content-type"]
            assert media.startswith("text/event-stream")
            name, first = await owner.next()
            assert (name, mine(first, key)) == ("status", [])
            client = await Client.ask(gateway.url, key["key"], PROMPT)
            told = await owner.until("status", lambda told: mine(told, key))
            assert mine(told, key) == [{"id": key["id"], "name": "watched"}]
            gate.open()
            answer = await client.answer()
            row = await owner.until("request", lambda row: row["id"] == str(answer.request_id))
            same = await asyncio.to_thread(admin, gateway.url, "GET", f"/requests/{row['id']}")
            assert row == same
            assert PROMPT not in str([told, row])

    upstream.behave = hold
    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


def test_it_tells_of_a_refusal(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        key = await asyncio.to_thread(make_keys, gateway.url, "narrow", allowed_models=["other"])
        async with watching(gateway.url) as owner:
            await owner.next()
            answer = await ask(gateway.url, key["key"], PROMPT)
            asked = str(answer.request_id)
            told = await owner.until("refused", lambda told: told["request_id"] == asked)
            assert (told["status"], told["key"]["id"]) == (403, key["id"])

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


def test_a_gateway_stops_at_once_while_pages_watch_and_they_see_a_clean_end(
    upstream: FakeUpstream, dsn: str, home: Path
) -> None:
    async def scene() -> None:
        async with (
            GatewayProcess(home, upstream.url, dsn) as gateway,
            watching(gateway.url) as owner,
        ):
            await owner.next()
            async with asyncio.timeout(9):  # its grace is ten seconds
                stopping = asyncio.create_task(gateway.stop())
                with pytest.raises(StopAsyncIteration):
                    while True:
                        await owner.next()
                assert await stopping == 0

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


def test_a_page_too_many_is_told_to_come_later_and_one_that_left_makes_room(
    gateway: GatewayProcess,
) -> None:
    async def scene() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MOST_WATCHERS - 1):
                await let_in(gateway.url, stack)
            async with contextlib.AsyncExitStack() as last:
                await let_in(gateway.url, last)
                async with watching(gateway.url) as late:
                    assert late.response.status_code == 429
                    assert late.response.headers["retry-after"] == "10"
            await let_in(gateway.url, stack)

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


def test_it_wants_the_secret_and_a_get(gateway: GatewayProcess) -> None:
    with connect(gateway.url) as client:
        assert client.get("/admin/events").status_code == 401
        assert client.post("/admin/events", headers=SECRET).status_code == 405
        answer = client.get("/admin/events", headers={**SECRET, "CF-Ray": "1"})
        assert answer.status_code == 403


def test_todays_figures_follow_a_request(upstream: FakeUpstream, dsn: str) -> None:
    with served(upstream.url, dsn) as gateway:
        key = make_keys(gateway.url)["key"]

        async def scene() -> None:
            async with watching(gateway.url) as owner:
                _, first = await owner.next()
                assert first["today"]["requests"] == 0
                assert (await ask(gateway.url, key, PROMPT)).complete
                told = await owner.until("status", lambda told: told["today"]["requests"])
                assert told["today"] == told["month"]
                assert told["today"]["total_tokens"] > 0

        asyncio.run(asyncio.wait_for(scene(), PATIENCE))
