"""Signs of life stand where the `ollama` package passes over them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from ollama import Client, ResponseError

from tests.e2e.ollama.client.asked import ASKED, ONE_CALL, TEXT
from tests.support.callers import bearer, counted, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_ollama import STREAMS, end, line, send
from tests.support.fake_upstream import MODEL, WORDS, Exchange, FakeUpstream, Gate, answer


@pytest.fixture(scope="module")
def beating(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    """A gateway that shows a sign of life soon."""
    with served(shared_upstream.url, shared_dsn, HEARTBEAT_SECONDS=0.05) as running:
        yield running


class Watched(httpx.SyncByteStream):
    """A body whose bytes are shown to somebody as they come."""

    def __init__(self, body: Any, seen: Callable[[bytes], None]) -> None:
        self._body, self._seen = body, seen

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            self._seen(chunk)
            yield chunk

    def close(self) -> None:
        self._body.close()


class Watching(httpx.HTTPTransport):
    """What the client reads from; opens the next gate after each three signs of life in a row."""

    def __init__(self, *gates: Gate) -> None:
        super().__init__()
        self.body = b""
        self._gates = list(gates)
        self._looked_at = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        got = super().handle_request(request)
        return httpx.Response(
            got.status_code, headers=got.headers, stream=Watched(got.stream, self._see)
        )

    def _see(self, chunk: bytes) -> None:
        self.body += chunk
        if self._gates and self.body[self._looked_at :].endswith(b"   "):
            self._gates.pop(0).open()
            self._looked_at = len(self.body)


def test_signs_of_life_stand_between_whole_lines_and_the_client_passes_over_them(
    upstream: FakeUpstream, beating: GatewayProcess
) -> None:
    before, between, behind = upstream.gate(), upstream.gate(), upstream.gate()

    async def halting(exchange: Exchange) -> None:
        await before.passed()
        await exchange.head(STREAMS)
        first = json.dumps(line(exchange, WORDS[0])).encode() + b"\n"
        await exchange.send(first + first[:20])  # half a line waits for its other half
        await between.passed()
        await exchange.send(first[20:])
        await behind.passed()
        await send(exchange, line(exchange, "", **end()))
        await exchange.end()

    upstream.behave = halting
    watching = Watching(before, between, behind)
    key = make_key(beating.url)
    with Client(host=beating.url, headers=bearer(key), transport=watching) as client:
        parts = list(client.chat(MODEL, ASKED, stream=True))
    assert [part.message.content for part in parts] == [WORDS[0], WORDS[0], ""]
    told = watching.body.splitlines()
    assert len(told) == 3
    assert all(one.startswith(b"   ") and json.loads(one) for one in told)
    assert watching.body.endswith(b"}\n")
    assert counted(beating.url, key) == ONE_CALL


def test_an_error_after_signs_of_life_is_still_the_client_s_error(
    upstream: FakeUpstream, beating: GatewayProcess
) -> None:
    gate = upstream.gate()

    async def fail(exchange: Exchange) -> None:
        await gate.passed()
        await exchange.whole({"error": "model 'nothing' not found"}, 404)

    upstream.behave = fail
    watching = Watching(gate)
    with (
        Client(
            host=beating.url, headers=bearer(make_key(beating.url)), transport=watching
        ) as client,
        pytest.raises(ResponseError, match="'nothing' not found"),
    ):
        list(client.generate("nothing", "x", stream=True))
    assert watching.body.startswith(b"   ")


@pytest.mark.parametrize("name", ["chat", "generate", "embed", "embeddings"])
def test_a_whole_answer_is_led_in_by_white_space_that_the_client_passes_over(
    upstream: FakeUpstream, beating: GatewayProcess, name: str
) -> None:
    gate = upstream.gate()

    async def slow(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    upstream.behave = slow
    watching = Watching(gate)
    key = make_key(beating.url)
    with Client(host=beating.url, headers=bearer(key), transport=watching) as client:
        got: Any = getattr(client, name)(MODEL, ASKED if name == "chat" else "x")
    assert watching.body.startswith(b"   ")
    assert got.model_dump_json().count(TEXT if name in {"chat", "generate"} else "0.25") == 1
    assert counted(beating.url, key)[0] == 1
