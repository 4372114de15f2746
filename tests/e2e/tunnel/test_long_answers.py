"""Answers that take long arrive whole through an edge that gives up on a silent gateway.

The model says nothing until the client, beyond the edge, has seen signs of life: without them the
edge would end the request, and the test with it. No time is measured.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from gateway.config.settings import Settings
from gateway.dialects import all_dialects
from gateway.dialects.family import NDJSON
from gateway.dialects.protocol import Dialect
from tests.support.behind_a_tunnel import behind
from tests.support.callers import bearer, counted, make_key
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, Exchange, FakeUpstream, answer
from tests.support.fixtures import upstream_of_all
from tests.support.gateway_process import PATIENCE
from tests.support.tunnel.up import Up

__all__ = ["upstream_of_all"]
SIGNS = 5
EDGE = 100.0  # seconds without a byte after which Cloudflare's edge gives up
DIALECTS = {dialect.path: dialect for dialect in all_dialects()}
STREAMING = [path for path, dialect in DIALECTS.items() if dialect.framing]


@pytest.fixture(scope="module")
def it(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[Up]:
    """The edge waits 600 times as long as the gateway is silent: a busy machine is no silence."""
    settings = {"HEARTBEAT_SECONDS": 0.05, "UPSTREAM_CONCURRENCY": 1}
    with behind(shared_upstream, shared_dsn, silence=30.0, **settings) as running:
        yield running


@pytest.fixture
def key(it: Up) -> str:
    return make_key(it.gateway.url, scopes=["chat", "embeddings", "models:pull", "ollama:native"])


def question(path: str, stream: bool) -> Any:
    body = {**DIALECTS[path].reference.example, "model": MODEL}
    return {**body, "stream": stream} if DIALECTS[path].framing else body


class Watched:
    """An answer as it comes out of the edge."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.body = b""

    async def until(self, count: int, sign: bytes) -> None:
        """Return when so many signs have come."""
        async with asyncio.timeout(PATIENCE):
            while self.body.count(sign) < count:
                part = await self.response.content.readany()
                assert part, f"it ended after {self.body!r}"
                self.body += part

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            self.body += await self.response.content.read()
        return self.body


@asynccontextmanager
async def watching(it: Up, path: str, key: str, body: Any) -> AsyncIterator[Watched]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(it.edge + path, json=body, headers=bearer(key)) as response,
    ):
        assert response.status == 200, await response.text()
        yield Watched(response)


def sign(dialect: Dialect, stream: bool) -> bytes:
    if stream and dialect.framing and dialect.framing is not NDJSON:
        return b": working\n\n"
    return b" "


def without_signs(body: bytes) -> bytes:
    """Nor what is new in each answer: the gateway's own ids."""
    lines = [line.strip(b" ") for line in body.replace(b": working\n\n", b"").splitlines()]
    return re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"ID", b"\n".join(lines))


@pytest.mark.parametrize("path", STREAMING)
@pytest.mark.parametrize("silent", ["before the first word", "in the middle"])
def test_a_stream_arrives_whole_however_long_the_model_is_silent(
    it: Up, upstream: FakeUpstream, key: str, path: str, silent: str
):
    gate, dialect = upstream.gate(), DIALECTS[path]

    async def slow(exchange: Exchange) -> None:
        if silent == "in the middle":
            send, sent = exchange.send, False

            async def halting(data: bytes) -> None:
                nonlocal sent
                if not sent:
                    sent = True
                    await send(data[: len(data) // 2])
                    await gate.passed()
                    data = data[len(data) // 2 :]
                await send(data)

            exchange.send = halting  # type: ignore[method-assign]
        else:
            await gate.passed()
        await answer(exchange)

    async def watch() -> tuple[bytes, bytes, Any]:
        body = question(path, stream=True)
        async with watching(it, path, key, body) as quick:
            at_once = await quick.rest()
        upstream.behave = slow
        async with watching(it, path, key, body) as seen:
            await seen.until(SIGNS, sign(dialect, stream=True))
            gate.open()
            return at_once, await seen.rest(), seen.response.headers

    at_once, body, headers = asyncio.run(watch())
    assert dialect.framing is not None
    assert headers["Content-Type"] == dialect.framing.media.decode()
    assert "Content-Length" not in headers
    assert without_signs(body) == without_signs(at_once)
    assert len(at_once) > 100
    assert counted(it.gateway.url, key)[0] == 2


@pytest.mark.parametrize("path", DIALECTS)
def test_an_answer_in_one_piece_does(it: Up, upstream: FakeUpstream, key: str, path: str):
    gate = upstream.gate()

    async def slow(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    async def watch() -> tuple[bytes, Any]:
        async with watching(it, path, key, question(path, stream=False)) as seen:
            await seen.until(SIGNS, b" ")
            gate.open()
            return await seen.rest(), seen.response.headers

    upstream.behave = slow
    body, headers = asyncio.run(watch())
    assert headers["Content-Type"] == "application/json"
    assert "Content-Length" not in headers  # else cloudflared would hold the signs back
    told = json.loads(body)
    assert not told.get("error")
    assert counted(it.gateway.url, key)[0] == 1


@pytest.mark.parametrize("stream", [True, False])
def test_a_pull_does(it: Up, upstream: FakeUpstream, key: str, stream: bool):
    gate = upstream.gate()
    at_once = upstream.pull

    async def slow(exchange: Exchange) -> None:
        await gate.passed()
        await at_once(exchange)

    async def watch() -> tuple[bytes, Any]:
        body = {"model": f"other:{stream}".lower(), "stream": stream}
        async with watching(it, "/v1/models/pull", key, body) as seen:
            await seen.until(SIGNS, b": pulling\n\n" if stream else b" ")
            gate.open()
            return await seen.rest(), seen.response.headers

    upstream.pull = slow
    body, headers = asyncio.run(watch())
    assert b"success" in body
    assert "Content-Length" not in headers
    assert headers["Content-Type"].startswith("text/event-stream" if stream else "application/json")


def test_those_who_wait_for_a_slot_are_kept_too(it: Up, upstream: FakeUpstream, key: str):
    gate, path = upstream.gate(), "/v1/chat/completions"

    async def slow(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    async def watch() -> tuple[bytes, bytes]:
        async with watching(it, path, key, question(path, stream=True)) as first:
            await asyncio.to_thread(upstream.wait_for_chats, 1)
            async with watching(it, path, key, question(path, stream=True)) as second:
                await second.until(SIGNS, b": waiting, position 1")
                gate.open()
                return await first.rest(), await second.rest()

    upstream.behave = slow
    for body in asyncio.run(watch()):
        assert body.endswith(b"data: [DONE]\n\n")
    tokens = 2 * PROMPT_TOKENS, 2 * len(WORDS)
    assert counted(it.gateway.url, key) == (2, *tokens)


def test_the_edge_does_give_up_on_a_gateway_that_is_silent(upstream: FakeUpstream, dsn: str):
    """What makes all of the above worth something."""
    upstream.behave = lambda _: upstream.gate().passed()

    async def ask(it: Up, key: str, stream: bool) -> int:
        path = "/v1/chat/completions"
        async with (
            aiohttp.ClientSession() as session,
            session.post(it.edge + path, json=question(path, stream), headers=bearer(key)) as told,
        ):
            return told.status

    with behind(upstream, dsn, silence=0.5, HEARTBEAT_SECONDS=3600) as it:
        key = make_key(it.gateway.url)
        for stream in (True, False):
            assert asyncio.run(ask(it, key, stream)) == 524
            upstream.wait_until(lambda: all(one.gone for one in upstream.chats))


def test_by_default_signs_of_life_come_many_times_within_the_patience_of_the_edge():
    assert Settings().heartbeat_seconds * 5 < EDGE
