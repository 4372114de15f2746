"""A crowd of connections, more than the process may have descriptors, starves nobody."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest

from gateway.core import descriptors, keys
from tests.support.callers import connect, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.gateway_process import chat, fresh_directory

__all__ = ["upstream_of_all"]
DESCRIPTORS, CROWD, CALLS = 1024, 1200, 20
GROWTH = 48 * 1024**2  # bytes; a crowd in memory would be three times that
EDGE = b"CF-Connecting-IP: 203.0.113.5\r\nCF-Ray: 8c1f-FRA\r\n"  # all of them come from one socket


def post(*lines: bytes) -> bytes:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
    return head + b"".join(lines) + b"\r\n1"


def made_up() -> bytes:
    return b"X-API-Key: %s\r\n" % keys.make_key("llm").encode()


KINDS = {
    "idle": lambda: b"",
    "half a head": lambda: b"GET / HT",
    "half a head of many lines": lambda: b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 4000,
    "half a long head": lambda: b"GET / HTTP/1.1\r\nX: " + b"a" * 60_000,
    "no key": lambda: post(),
    "no key, through the tunnel": lambda: post(EDGE),
    "made-up keys": lambda: post(made_up()),
    "made-up keys, through the tunnel": lambda: post(EDGE, made_up()),
    "a page, not read": lambda: b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    with fresh_directory() as home:
        settings = {"TUNNEL_HOSTNAME": "llm.example.com"}
        gateway = GatewayProcess(home, shared_upstream.url, shared_dsn, **settings)
        gateway.within = ("sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh")
        asyncio.run(gateway.start())
        try:
            yield gateway
            assert asyncio.run(gateway.stop()) == 0
        finally:
            if gateway.running is not None:
                gateway.running.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_every_good_call_is_served_and_memory_stays_as_it_is(
    gateway: GatewayProcess, kind: str
) -> None:
    descriptors.raise_limit()  # our own: the crowd is of this process
    key = make_key(gateway.url)
    assert chat(gateway.url, key, "fake:latest")[0] == 200
    assert gateway.running is not None
    process = psutil.Process(gateway.running.process.pid)
    before = process.memory_info().rss
    with ExitStack() as crowd:
        for _ in range(CROWD):
            one = crowd.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            one.sendall(KINDS[kind]())
        for _ in range(CALLS):
            assert chat(gateway.url, key, "fake:latest")[0] == 200  # each on a new connection
        assert process.memory_info().rss - before < GROWTH
    with connect(gateway.url) as client:
        assert client.get("/health").status_code == 200
    assert "Traceback" not in gateway.running.output
