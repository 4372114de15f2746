"""Streams that break, clients that leave and models that are slow, on OpenAI's routes beside chat,
as the unmodified `openai` package sees them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.support.callers import counted, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream
from tests.support.openai_routes import ROUTES, STREAMED, STREAMING, call, stream


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    """Its heart beats soon, so that the client has to bear signs of life between events."""
    with served(shared_upstream.url, shared_dsn, HEARTBEAT_SECONDS=1) as running:
        yield running


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as made:
        yield made


@pytest.mark.parametrize("ended", [True, False], ids=["no terminal event", "cut"])
@pytest.mark.parametrize("route", STREAMING)
def test_a_stream_that_breaks_is_an_exception_and_what_came_is_paid_for(
    upstream: FakeUpstream,
    gateway: GatewayProcess,
    client: OpenAI,
    key: str,
    route: str,
    ended: bool,
) -> None:
    events = STREAMED[route].split(b"\n\n")[:8]
    upstream.behave = stream(b"\n\n".join(events), ended=ended)
    received: list[Any] = []
    with pytest.raises(openai.APIError) as caught, call(client, route, stream=True) as chunks:
        received.extend(chunks)
    assert caught.value.code == "upstream_error"
    assert len(received) == 8
    texts = sum(b'"text":' in one or b".delta\n" in one for one in events[:8])
    requests, prompt, completion = counted(gateway.url, key)
    assert (requests, prompt > 0) == (1, True)
    assert 2 <= completion <= texts + 2


@pytest.mark.parametrize("route", STREAMING)
def test_a_client_that_leaves_a_stream_frees_the_model_and_pays_for_what_it_had(
    upstream: FakeUpstream, gateway: GatewayProcess, client: OpenAI, key: str, route: str
) -> None:
    gate = upstream.gate()

    async def endless(exchange: Exchange) -> None:
        await exchange.head()
        for event in STREAMED[route].split(b"\n\n")[:8]:
            await exchange.send(event + b"\n\n")
        await gate.passed()

    upstream.behave = endless
    with call(client, route, stream=True) as chunks:
        for _ in range(8):
            next(chunks)
    [exchange] = upstream.wait_for_chats(1)
    upstream.wait_until(lambda: exchange.ended)
    assert exchange.gone
    requests, prompt, completion = counted(gateway.url, key)
    assert (requests, prompt > 0) == (1, True)
    assert completion >= 3


@pytest.mark.parametrize("route", ROUTES)
def test_a_client_that_leaves_before_the_answer_frees_the_model(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, route: str
) -> None:
    gate = upstream.gate()

    async def silent(exchange: Exchange) -> None:
        await gate.passed()

    upstream.behave = silent

    async def leave() -> None:
        base = f"{gateway.url}/v1"
        async with AsyncOpenAI(base_url=base, api_key=key, max_retries=0) as client:
            asking = asyncio.create_task(call(client, route))
            await asyncio.to_thread(upstream.wait_for_chats, 1)
            assert not asking.done()
            asking.cancel()
            await asyncio.wait([asking])

    asyncio.run(leave())
    [exchange] = upstream.chats
    upstream.wait_until(lambda: exchange.ended)
    assert exchange.gone
    assert counted(gateway.url, key) == (1, 12, 0)  # its prompt was sent


@pytest.mark.parametrize("route", STREAMING)
def test_signs_of_life_disturb_no_stream(
    upstream: FakeUpstream, client: OpenAI, route: str
) -> None:
    held = upstream.gate()

    async def slowly(exchange: Exchange) -> None:
        await exchange.head()
        first, rest = STREAMED[route].split(b"\n\n", 1)
        await exchange.send(first + b"\n\n")
        await held.passed()
        await exchange.send(rest)
        await exchange.end()

    upstream.behave = slowly
    options = {"stream_options": {"include_usage": True}} if route == "completions" else {}
    raw = getattr(client, route).with_streaming_response
    words = {"model": MODEL, "prompt" if route == "completions" else "input": "Say hello."}
    received = b""
    with raw.create(**words, stream=True, **options) as response:
        for part in response.iter_bytes():
            received += part
            if b"\n: " in received:
                held.open()
    lines = received.split(b"\n\n")
    assert b"\n\n".join(one for one in lines if not one.startswith(b": ")) == STREAMED[route]
