"""Nobody is let wait for a body by a key that does not exist, or that is at its limit."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from select import select

import pytest

from gateway.core import keys
from gateway.http.body_budget import MOST_UNFINISHED
from gateway.http.failed_keys import FAILURES
from tests.support.callers import QUESTION, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.gateway_process import PATIENCE
from tests.support.raw_client import Answer, ask_without_closing, chat, parse, request

__all__ = ["upstream_of_all"]
PATHS = [
    *("/v1/chat/completions", "/v1/messages/count_tokens", "/api/chat"),
    *("/v1/models/pull", "/api/show"),
]
LARGE = json.dumps({**QUESTION, "x": "y" * 70_000}).encode()


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    settings = {"TUNNEL_HOSTNAME": "llm.example.com"}
    with served(shared_upstream.url, shared_dsn, **settings) as running:
        yield running


def begin(port: int, key: str, path: str = PATHS[0], size: int = 500, *headers: str) -> Answer:
    """The answer to a request whose body never ends; without one, the test ends in an error."""
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"X-API-Key: {key}", *headers]
    return ask_without_closing(
        port, "\r\n".join([*lines, f"Content-Length: {size}", "", "{"]).encode()
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("size", [500, 20_000_000], ids=["small", "large"])
def test_a_key_that_does_not_exist_is_refused_before_its_body_has_come(
    gateway: GatewayProcess, path: str, size: int
) -> None:
    assert begin(gateway.port, keys.make_key("llm"), path, size).status == 401


def test_each_such_key_counts_as_a_guess(gateway: GatewayProcess) -> None:
    edge = "CF-Connecting-IP: 203.0.113.77", "CF-Ray: 8c1f-FRA"

    def status() -> int:
        return begin(gateway.port, keys.make_key("llm"), PATHS[0], 500, *edge).status

    assert [status() for _ in range(FAILURES)] == [401] * FAILURES
    assert status() == 429


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"rate_limit_per_min": 1}, "rate_limit_exceeded"),
        ({"monthly_token_limit": 1}, "insufficient_quota"),
    ],
    ids=["rate", "quota"],
)
def test_a_key_that_is_at_its_limit_is_not_asked_for_another_large_body(
    gateway: GatewayProcess, limits: dict[str, int], code: str
) -> None:
    key = make_key(gateway.url, **limits)
    answers = [chat(gateway.port, key, LARGE) for _ in range(2)]
    assert answers[-1].error["code"] == code
    unread = begin(gateway.port, key, size=len(LARGE) + 1)
    assert (unread.status, unread.error["code"]) == (429, code)


@pytest.mark.parametrize("path", [*PATHS, "/v1/visitor-tokens"])
def test_one_key_cannot_let_everybody_wait_for_bodies_that_never_come(
    gateway: GatewayProcess, path: str
) -> None:
    key = make_key(gateway.url, visitors={"by": ["token"]})
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: 9\r\n\r\n1"
    with ExitStack() as crowd:
        waiting: list[socket.socket] = []
        for _ in range(MOST_UNFINISHED // 2 + 1):
            one = crowd.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            one.sendall(head.encode())
            waiting.append(one)
        [answered, *_], _, _ = select(waiting, [], [], PATIENCE)
        assert b" 429 " in answered.recv(100)  # 408 if nobody but the clock ends it


def test_a_key_without_the_scope_is_told_so_with_what_its_body_says(
    gateway: GatewayProcess,
) -> None:
    key = make_key(gateway.url, scopes=["models:read"])
    body = json.dumps({"model": "qwen2.5:7b"}).encode()
    head = request("POST", "/v1/models/pull", body, f"X-API-Key: {key}")[: -len(body)]
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        connection.sendall(head)
        assert chat(gateway.port, make_key(gateway.url)).status == 200  # it has had its turn by now
        connection.sendall(body)
        answer = parse(b"".join(iter(lambda: connection.recv(65536), b"")))
    assert "qwen2.5:7b" in answer.error["message"]
