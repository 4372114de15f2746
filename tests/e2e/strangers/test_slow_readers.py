"""Whoever does not read an answer does not keep others from theirs."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from gateway.http.exchange import STUCK
from tests.support.callers import make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Behave, Exchange, FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.gateway_process import ask
from tests.support.watching_client import Client
from tests.support.watching_client import ask as ask_and_read

__all__ = ["upstream_of_all"]
LITTLE_ROOM = 4096  # bytes that the client's system takes for it
WORD = "x" * 10_000


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    """With one slot."""
    settings = {"UPSTREAM_CONCURRENCY": 1, "MAX_OUTPUT_TOKENS": 1_000_000}
    with served(shared_upstream.url, shared_dsn, **settings) as running:
        yield running


async def begin(gateway: GatewayProcess, key: str) -> Client:
    """A client that reads nothing, and for which its system takes next to nothing."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE_ROOM)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", gateway.port))
    client = Client(*await asyncio.open_connection(sock=raw))
    client.writer.transport.pause_reading()
    client.send(key, "unread", max_tokens=900_000)
    return client


def of_length(words: int | None) -> Behave:
    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        if exchange.text == "unread":
            number = 0
            while words is None or number < words:
                await exchange.words((WORD,))
                number += 1
        await exchange.usage()

    return behave


def test_an_answer_of_up_to_a_megabyte_is_finished_for_it(
    gateway: GatewayProcess, key: str, upstream: FakeUpstream
) -> None:
    upstream.behave = of_length(80)

    async def play() -> bool:
        unread = await begin(gateway, key)
        await asyncio.to_thread(upstream.wait_for_chats, 1)
        for _ in range(3):
            assert (await ask_and_read(gateway.url, key, "another")).complete
        unread.writer.transport.resume_reading()
        return (await unread.answer()).complete

    assert asyncio.run(play())


def test_a_longer_one_is_cut_while_others_wait_and_is_paid_for(
    gateway: GatewayProcess, upstream: FakeUpstream
) -> None:
    upstream.behave = of_length(None)
    key, greedy = make_key(gateway.url), make_key(gateway.url, monthly_token_limit=10**9)

    async def play() -> bool:
        unread = await begin(gateway, greedy)
        await asyncio.to_thread(upstream.wait_for_chats, 1)
        began = time.monotonic()
        assert (await ask_and_read(gateway.url, key, "another")).complete
        assert time.monotonic() - began < STUCK / 2
        unread.writer.transport.resume_reading()
        return (await unread.answer()).complete

    assert not asyncio.run(play())
    status, report = ask(f"{gateway.url}/v1/usage", greedy)
    assert status == 200
    assert report["month"]["tokens_used"] > 100_000
    assert report["month"]["tokens_held"] == 0
