"""A client that closes its half of the connection behind its request gets the whole answer."""

import json
import socket

import pytest

from tests.support.callers import QUESTION
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import WORDS, Exchange, FakeUpstream, Gate
from tests.support.fixtures import upstream_of_all
from tests.support.raw_client import parse, request

__all__ = ["upstream_of_all"]
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def asked(port: int, key: str, target: str, body: bytes, *, late: bool, gate: Gate) -> bytes:
    """All that comes back. `late`: the half is closed when the answer has begun. The gate is opened
    behind that."""
    method = "POST" if body else "GET"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request(method, target, body, f"X-API-Key: {key}"))
        received = connection.recv(1) if late else b""
        connection.shutdown(socket.SHUT_WR)
        gate.open()
        while part := connection.recv(65536):
            received += part
    return received.removeprefix(CONTINUE)


@pytest.mark.parametrize(
    ("stream", "late"), [(False, False), (True, False), (True, True)], ids=["whole", "first", "mid"]
)
def test_it_gets_its_whole_answer(
    gateway: GatewayProcess, key: str, upstream: FakeUpstream, stream: bool, late: bool
) -> None:
    gate = upstream.gate()

    async def answer(exchange: Exchange) -> None:
        if late:
            await exchange.head()
            await exchange.words(WORDS[:1])
        await gate.passed()
        if not stream:
            await exchange.whole(exchange.completion())
            return
        if not late:
            await exchange.head()
            await exchange.words(WORDS[:1])
        await exchange.words(WORDS[1:])
        await exchange.usage()

    upstream.behave = answer
    body = json.dumps({**QUESTION, "stream": stream}).encode()
    got = parse(asked(gateway.port, key, "/v1/chat/completions", body, late=late, gate=gate))
    assert got.status == 200
    if stream:
        assert got.body.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    else:
        assert json.loads(got.body)["choices"][0]["message"]["content"] == "".join(WORDS)


@pytest.mark.parametrize("target", ["/v1/models", "/v1/usage", "/health", "/openapi.json"])
def test_it_gets_whatever_it_asked_for(
    gateway: GatewayProcess, key: str, upstream: FakeUpstream, target: str
) -> None:
    got = parse(asked(gateway.port, key, target, b"", late=False, gate=upstream.gate()))
    assert got.status == 200
    assert json.loads(got.body)
