"""Requests that are odd but right are answered, and one connection serves after an error too."""

import asyncio
import contextlib
import json
import socket
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.support.callers import QUESTION
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import WORDS, Exchange, FakeUpstream
from tests.support.raw_client import Answer, ask, chat, exchange, parse, request

CHAT = "/v1/chat/completions"
GOOD = json.dumps(QUESTION).encode()
STREAM = json.dumps({**QUESTION, "stream": True}).encode()


def text_of(answer: Answer) -> str:
    assert answer.status == 200, answer
    return json.loads(answer.body)["choices"][0]["message"]["content"]


@pytest.fixture
def question(key: str) -> bytes:
    return request("POST", CHAT, GOOD, f"Authorization: Bearer {key}")


def test_http_1_0_gets_whole_answers_and_streams_without_chunks(
    gateway: GatewayProcess, key: str
) -> None:
    auth = f"Authorization: Bearer {key}"
    whole = ask(gateway.port, request("POST", CHAT, GOOD, auth, version="1.0"))
    assert text_of(whole) == "".join(WORDS)
    stream = ask(gateway.port, request("POST", CHAT, STREAM, auth, version="1.0"))
    assert "transfer-encoding" not in stream.headers
    assert stream.headers["connection"] == "close"
    assert stream.body.startswith(b"data: {")
    assert stream.body.endswith(b"\n\ndata: [DONE]\n\n")


def test_requests_that_are_sent_ahead_are_answered_in_order(
    gateway: GatewayProcess, question: bytes
) -> None:
    ahead = question.replace(b"Connection: close\r\n", b"")
    wrong = ahead.replace(GOOD, GOOD.replace(b"{", b"[", 1))
    rest = exchange(gateway.port, [ahead + wrong + ahead + question])
    statuses: list[int] = []
    while rest:
        answer = parse(rest)
        statuses.append(answer.status)
        rest = answer.rest
    assert statuses == [200, 400, 200, 200]


BEHIND = {
    "no http": b"not http\r\n\r\n",
    "a head without end": b"GET / HTTP/1.1\r\nX: " + b"a" * 80_000,
    "a body without sense": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("name", BEHIND)
def test_what_is_refused_in_the_middle_of_an_answer_ends_it_and_is_no_part_of_it(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, key: str, name: str
) -> None:
    async def begins(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words()
        await asyncio.Event().wait()

    shared_upstream.behave = begins
    asked = request("POST", CHAT, STREAM, f"Authorization: Bearer {key}")
    received = b""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        connection.sendall(asked.replace(b"Connection: close\r\n", b""))
        while WORDS[-1].encode() not in received:
            received += connection.recv(65536)
        with contextlib.suppress(ConnectionError):
            connection.sendall(BEHIND[name])
            while part := connection.recv(65536):
                received += part
    assert received.count(b"HTTP/1.1 ") == 1
    assert not received.endswith(b"0\r\n\r\n")


def test_what_is_sent_ahead_is_not_counted_with_the_body_before_it(
    gateway: GatewayProcess, question: bytes
) -> None:
    large = GOOD.replace(b"Say hello.", b"x" * 200_000)  # one word: it fits
    ahead = question.replace(b"Connection: close\r\n", b"")
    ahead = ahead.replace(b": %d\r\n" % len(GOOD), b": %d\r\n" % len(large))
    ahead = ahead.replace(GOOD, large)
    first, second = question[:30], question[30:]
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        for _ in range(5):  # its last bytes and those of the next head are read as one
            connection.sendall(ahead + first)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
            connection.sendall(second.replace(b"Connection: close\r\n", b""))
            received = connection.recv(65536)
            while received.count(b'"total_tokens": 16}}') < 2:
                received += connection.recv(65536)
                assert b" 431 " not in received


def test_a_connection_serves_on_after_every_kind_of_refusal(
    gateway: GatewayProcess, key: str
) -> None:
    good = {"Authorization": f"Bearer {key}"}
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    connection.connect()
    connection.auto_open = 0  # it is this one connection or none

    def status(method: str, path: str, body: bytes, headers: dict[str, str] = good) -> int:
        connection.request(method, path, body, headers)
        with connection.getresponse() as answer:
            answer.read()
            return answer.status

    with closing(connection):
        for _ in range(2):
            assert status("POST", CHAT, GOOD, {}) == 401
            assert status("POST", CHAT, b"{") == 400
            assert status("GET", "/nothing", b"") == 404
            assert status("DELETE", CHAT, b"") == 405
            assert status("POST", CHAT, GOOD, {**good, "Content-Encoding": "zstd"}) == 415
            assert status("POST", CHAT, GOOD) == 200


def test_a_body_that_is_too_large_is_refused_in_words_and_its_connection_closed(
    gateway: GatewayProcess, key: str
) -> None:
    body = b"x" * 21 * 1024**2  # whose client first sends all of it, then reads
    asked = request("POST", CHAT, body, f"Authorization: Bearer {key}")
    answer = ask(gateway.port, asked.replace(b"Connection: close\r\n", b""))
    assert (answer.status, answer.headers["connection"]) == (413, "close")


@pytest.mark.parametrize("upgrade", ["Upgrade", "upgrade"])
def test_an_offer_of_http_2_is_passed_over_and_the_body_is_read(
    gateway: GatewayProcess, key: str, upgrade: str
) -> None:
    """As Java's HttpClient makes it on each first request."""
    headers = ["Connection: Upgrade, HTTP2-Settings", f"{upgrade}: h2c", "HTTP2-Settings: AAMAAABk"]
    answer = chat(gateway.port, key, None, *headers)
    assert text_of(answer) == "".join(WORDS)
    assert "upgrade" not in answer.headers


def test_a_websocket_is_refused_in_words(gateway: GatewayProcess) -> None:
    headers = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MTIzNA=="]
    answer = ask(gateway.port, request("GET", CHAT, b"", *headers))
    assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")
    assert gateway.running is not None
    assert "WebSocket" not in gateway.running.output


def test_a_body_may_come_byte_by_byte_while_others_are_answered(
    gateway: GatewayProcess, key: str, question: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as slow:
        for place in range(len(question)):
            slow.sendall(question[place : place + 1])
            if place % 50 == 0:
                assert chat(gateway.port, key).status == 200
        received = b"".join(iter(lambda: slow.recv(65536), b""))
    assert text_of(parse(received)) == "".join(WORDS)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_body_may_come_in_chunks(gateway: GatewayProcess, question: bytes, size: int) -> None:
    head, _, body = question.partition(b"\r\n\r\n")
    head = head.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    assert text_of(ask(gateway.port, head + b"\r\n\r\n", chunks + b"0\r\n\r\n")) == "".join(WORDS)


def test_a_client_that_asks_first_is_told_to_go_on(gateway: GatewayProcess, key: str) -> None:
    asked = request("POST", CHAT, GOOD, f"X-API-Key: {key}", "Expect: 100-continue")
    received = exchange(gateway.port, [asked])
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "target",
    [
        "http://elsewhere.example/v1/chat/completions",
        "/v1/chat/completions?model=gpt-oss:120b-cloud&stream=true",
        "/v1/chat/completions/",
        "/v1/ch%61t/completions",
    ],
)
def test_a_target_may_be_written_in_other_ways(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, question: bytes, target: str
) -> None:
    answer = ask(gateway.port, question.replace(CHAT.encode(), target.encode(), 1))
    assert text_of(answer) == "".join(WORDS)
    [received] = shared_upstream.chats
    assert received.target == CHAT
    assert received.json["model"] == QUESTION["model"]


def test_nothing_of_the_client_s_headers_reaches_the_model(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, key: str, question: bytes
) -> None:
    headers = ["Cookie: a=b", "X-Forwarded-For: 192.0.2.1", "CF-Connecting-IP: 192.0.2.1"]
    headers += [
        "Origin: https://web.example",
        "Accept: x/y",
        "X-API-Key: " + key,
        "Range: bytes=0-",
    ]
    assert chat(gateway.port, key, None, *headers).status == 200
    [received] = shared_upstream.chats
    names = sorted(name for name, _ in received.headers)
    expected = ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"]
    assert names == expected
    assert dict(received.headers)["host"] == "localhost"
    assert key.encode() not in received.raw
