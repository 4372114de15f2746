"""Signs of life while nothing comes: proxies need them, parsers ignore them, errors follow them."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from tests.support.callers import counted, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import PROMPT_TOKENS, WORDS, Exchange, FakeUpstream, answer
from tests.support.fixtures import upstream_of_all
from tests.support.openai_calls import calling
from tests.support.watching_client import Client, Seen

__all__ = ["upstream_of_all"]
BEAT = 0.05
TEXT = "".join(WORDS)


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    settings = {"HEARTBEAT_SECONDS": BEAT, "UPSTREAM_CONCURRENCY": 1}
    with served(shared_upstream.url, shared_dsn, **settings) as running:
        yield running


async def until_beats(client: Client, count: int, sign: bytes = b": working\n\n") -> None:
    await client.until(sign * count if sign == b" " else sign)
    while client.seen().body.count(sign) < count:
        await client.until(client.seen().body + sign)


def texts(seen: Seen) -> str:
    chunks = [event for event in seen.events if event != "[DONE]"]
    choices: list[Any] = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


def test_a_stream_shows_comments_until_its_first_event_and_a_client_ignores_them(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    async def watch() -> Seen:
        gate = upstream.gate()

        async def silent(exchange: Exchange) -> None:
            await gate.passed()
            await exchange.head()
            await exchange.words()
            await exchange.usage()

        upstream.behave = silent
        client = await Client.ask(gateway.url, key, "hi")
        await until_beats(client, 3)
        assert b"data:" not in client.seen().body
        gate.open()
        return await client.answer()

    seen = asyncio.run(watch())
    assert seen.complete
    assert texts(seen) == TEXT
    assert seen.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "content-length" not in seen.headers
    assert counted(gateway.url, key) == (1, PROMPT_TOKENS, len(WORDS))


def test_a_silence_in_the_middle_is_filled_between_events_never_within_one(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    async def watch() -> tuple[Seen, bytes]:
        gate = upstream.gate()
        whole = b""

        async def halting(exchange: Exchange) -> None:
            nonlocal whole
            delta = {"role": "assistant", "content": "first"}
            event = exchange.chunk([{"index": 0, "delta": delta}])
            whole = f"data: {json.dumps(event)}\n\n".encode()
            await exchange.head()
            await exchange.send(whole + whole[:20])
            await gate.passed()
            await exchange.send(whole[20:])
            await exchange.usage()

        upstream.behave = halting
        client = await Client.ask(gateway.url, key, "hi")
        await client.until(b"first")
        before = client.seen().body.count(b": working")
        await until_beats(client, before + 3)
        gate.open()
        return await client.answer(), whole

    seen, event = asyncio.run(watch())
    assert seen.complete
    assert texts(seen) == "firstfirst"
    assert seen.body.replace(b": working\n\n", b"").startswith(event + event)


def test_a_long_json_answer_is_led_in_by_white_space(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    async def watch() -> Seen:
        gate = upstream.gate()

        async def silent(exchange: Exchange) -> None:
            await gate.passed()
            await exchange.whole(exchange.completion())

        upstream.behave = silent
        client = await Client.ask(gateway.url, key, "hi", stream=False)
        await client.until(b"   ")
        gate.open()
        return await client.answer()

    seen = asyncio.run(watch())
    assert seen.complete
    assert seen.headers["content-type"] == "application/json"
    assert "content-length" not in seen.headers  # or cloudflared holds it back until the end
    assert json.loads(seen.body)["choices"][0]["message"]["content"] == TEXT
    assert counted(gateway.url, key) == (1, PROMPT_TOKENS, len(WORDS))


def test_those_who_wait_see_their_place_come_nearer(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    async def watch() -> list[Seen]:
        gates = {str(number): upstream.gate() for number in range(3)}

        async def one_by_one(exchange: Exchange) -> None:
            await gates[exchange.text].passed()
            await exchange.head()
            await exchange.words()
            await exchange.usage()

        upstream.behave = one_by_one
        clients = [await Client.ask(gateway.url, key, "0")]
        await clients[0].until(b": working\n\n")
        for place in (1, 2):
            clients.append(await Client.ask(gateway.url, key, str(place)))
            await clients[place].until(b": waiting, position %d" % place)
        gates["0"].open()
        await clients[1].until(b": working\n\n")
        await clients[2].until(b": waiting, position 1")
        assert b"position 0" not in clients[1].seen().body
        gates["1"].open()
        await clients[2].until(b": working\n\n")
        gates["2"].open()
        return [await client.answer() for client in clients]

    for seen in asyncio.run(watch()):
        assert seen.complete
        assert texts(seen) == TEXT


@pytest.mark.parametrize("streaming", [True, False])
def test_an_error_after_signs_of_life_comes_in_the_body(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, streaming: bool
) -> None:
    async def watch() -> Seen:
        gate = upstream.gate()

        async def fail(exchange: Exchange) -> None:
            await gate.passed()
            await exchange.whole({"error": {"message": "out of memory"}}, 500)

        upstream.behave = fail
        client = await Client.ask(gateway.url, key, "hi", stream=streaming)
        await client.until(b": working\n\n" if streaming else b"  ")
        gate.open()
        return await client.answer()

    seen = asyncio.run(watch())
    assert (seen.status, seen.whole, seen.failed) == (200, True, True)
    error = seen.events[-1]["error"] if streaming else json.loads(seen.body)["error"]
    assert (error["code"], error["message"]) == ("upstream_error", "out of memory")
    assert counted(gateway.url, key) == (1, 0, 0)


def test_the_openai_client_reads_through_signs_of_life(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    def after_signs_of_life(**options: Any) -> Any:
        gate = upstream.gate()
        upstream.reset()

        async def silent(exchange: Exchange) -> None:
            await gate.passed()
            if options["seed"]:
                exchange.cut()
            else:
                await answer(exchange)

        async def wait_behind() -> None:
            """Who waits behind it sees a sign of life only after it has."""
            client = await Client.ask(gateway.url, key, "behind")
            await until_beats(client, 2, b": waiting, position 1")
            await client.leave()

        def read() -> Any:
            got = call(**options)
            return list(got) if options.get("stream") else got

        upstream.behave = silent
        with calling(gateway, key) as call, ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read)
            upstream.wait_for_chats(1)
            asyncio.run(wait_behind())
            gate.open()
            return reading.result()

    assert after_signs_of_life(seed=0).choices[0].message.content == TEXT
    chunks = after_signs_of_life(seed=0, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    with pytest.raises(openai.APIError) as caught:
        after_signs_of_life(seed=1, stream=True)
    assert not isinstance(caught.value, openai.APIStatusError)
    assert caught.value.code == "server_is_overloaded"
    # A 200 is out already and cannot be taken back; the package shows what came instead.
    broken = after_signs_of_life(seed=1)
    assert broken.choices is None
    assert broken.model_extra["error"]["code"] == "server_is_overloaded"
