"""The HTTP server on raw bytes: what is no request is refused, in our words, and bounded."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.core.repeated_log import RepeatedLog
from gateway.http import connection
from gateway.http.middleware import MAX_HEADERS, MOST_LINES
from tests.support.bare_gateway import bare_gateway, served

pytestmark = pytest.mark.anyio

CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
PATIENCE = 60  # seconds after which something did not happen


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    with bare_gateway(tmp_path) as gateway:
        async with served(gateway) as url:
            port = urlsplit(url).port
            assert port
            yield port


async def talk(port: int, *parts: bytes) -> bytes:
    """All that comes back until the server closes; nothing where it resets, since it would not
    read all that we send. Each part goes out by itself."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                for _ in range(3):  # the server runs on this very loop: let it read
                    await asyncio.sleep(0)
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.transport.abort()


def parsed(answer: bytes) -> tuple[int, dict[bytes, bytes], Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (one.partition(b":") for one in lines)
    }
    return int(first.split(b" ")[1]), headers, json.loads(body)


NO_REQUESTS = [
    b"not http\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50,
    b"GET /\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    CHAT + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    CHAT + b"Content-Length: -1\r\n\r\n",
    CHAT + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
]


@pytest.mark.parametrize("raw", NO_REQUESTS, ids=lambda raw: ascii(raw[:60]))
async def test_what_is_no_request_is_refused_in_our_words(port: int, raw: bytes):
    status, headers, body = parsed(await talk(port, raw))
    assert 400 <= status < 500
    assert headers[b"content-type"] == b"application/json"
    assert set(body["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (b"/v1/chat/completions", {"error": {}}),
        (b"/v1/messages?beta=true", {"type": "error", "error": {}}),
        (b"/api/show", {"error": ""}),
    ],
)
async def test_a_request_that_is_broken_is_refused_in_the_form_of_its_path(
    port: int, path: bytes, form: dict[str, Any]
):
    broken = b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: j/6/\r\n\r\n" % path
    status, _, body = parsed(await talk(port, broken))
    assert status == 400
    assert {name: type(body[name]) for name in form} == {name: type(form[name]) for name in form}


async def test_clients_that_speak_no_http_do_not_fill_the_log(
    port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    log = logging.getLogger("localllm.http")
    within_a_second = RepeatedLog(log, logging.WARNING, clock=lambda: 0.0)
    monkeypatch.setattr(connection, "_no_http", within_a_second)
    caplog.set_level(logging.INFO)
    for raw in NO_REQUESTS:
        await talk(port, raw)
    assert caplog.messages == ["a client sent what is no HTTP request"]


@pytest.mark.parametrize(
    "lines",
    [b"X: " + b"a" * MAX_HEADERS + b"\r\n", b"X-1: abcdefgh\r\n" * 4000],
    ids=["one large", "many"],
)
async def test_too_large_headers_are_refused_in_our_words(port: int, lines: bytes):
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + lines + b"\r\n"
    status, _, body = parsed(await talk(port, head))
    assert (status, body["error"]["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"a" * 1000),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-Y: %s\r\n" % (b"a" * 1000)),
        (b"GET /", b"a" * 1000),
        (b"", b"\r\n" * 500),
    ],
    ids=["header", "headers", "path", "nothing"],
)
async def test_a_head_that_never_ends_ends_the_connection(port: int, start: bytes, more: bytes):
    answer = await talk(port, start, *[more] * 200)
    assert not answer or parsed(answer)[0] == 431


@pytest.mark.parametrize(
    ("lines", "status"), [(MOST_LINES, 404), (MOST_LINES + 1, 431), (9999, 431)]
)
async def test_more_headers_than_anybody_sends_are_refused(port: int, lines: int, status: int):
    start = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    answer = await talk(port, start + b"a:\r\n" * (lines - 2) + b"\r\n")
    assert parsed(answer)[0] == status


async def test_a_trailer_is_no_header(port: int):
    raw = CHAT + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    _, _, body = parsed(await talk(port, raw + b"X-API-Key: nonsense\r\n\r\n"))
    assert body["error"]["message"].startswith("Incorrect API key provided: there is none.")


def reader(app: Any) -> Any:
    """Reads the whole body of each request, and says how long it is."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        body = json.dumps(size).encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve


CHUNKED = CHAT + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("endless", [b"a" * 1000, b"a:\r\n" * 250], ids=["one", "many"])
async def test_a_trailer_that_never_ends_ends_the_connection(tmp_path: Path, endless: bytes):
    """The parser gathers it: 70 MB held all other requests up for nine seconds."""
    with bare_gateway(tmp_path) as gateway:
        async with served(gateway, around=reader) as url:
            port = urlsplit(url).port or 0
            answer = await talk(port, CHUNKED, b"2\r\n{}\r\n0\r\n", *[endless] * 200)
    assert not answer or parsed(answer)[0] == 431


async def test_a_body_may_come_byte_by_byte_in_chunks(tmp_path: Path):
    with bare_gateway(tmp_path) as gateway:
        async with served(gateway, around=reader) as url:
            port = urlsplit(url).port or 0
            chunks = [b"1\r\n \r\n" * 1000] * 100
            status, _, size = parsed(await talk(port, CHUNKED, *chunks, b"0\r\n\r\n"))
    assert (status, size) == (200, 100_000)


async def test_a_second_request_on_a_connection_has_a_bound_of_its_own(port: int):
    large = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (MAX_HEADERS - 100) + b"\r\n"
    parts = [large, b"\r\n"] * 4  # the end of each head comes by itself
    answer = await talk(port, *parts, large, b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 404") == 5


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"PATCH", b"TRACE", b"HEAD", b"GET"])
async def test_a_wrong_method_is_answered_with_the_right_one(port: int, method: bytes):
    raw = CHAT.replace(b"POST", method) + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
    head = (await talk(port, raw)).partition(b"\r\n\r\n")[0].lower()
    assert b" 405 " in head
    assert b"\r\nallow: post" in head


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"/v1/../api/tags", 404),
        (b"/api%2Ftags", 404),
        (b"/%61pi/nowhere", 404),
        (b"/v1/usag", 404),
        (b"/v1/%252e%252e/usage", 404),
        (b"http://other.example/v1/usage", 401),
        (b"/v1/usage?x=/../", 401),
        (b"/v1/usage;x", 404),
    ],
)
async def test_paths_are_matched_as_they_are_decoded(port: int, path: bytes, status: int):
    raw = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    found, headers, body = parsed(await talk(port, raw))
    assert found == status
    assert "error" in body
    assert headers[b"x-request-id"]


async def test_a_body_that_looks_like_an_upgrade_does_not_run_into_the_next_request(port: int):
    forged = b"GET /forged HTTP/1.1\r\nHost: x\r\n\r\n"
    body = b"\r\nupgrade: h2c" * len(forged) + forged
    wrong = CHAT + b"X-API-Key: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    answer = await talk(port, wrong + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"forged" not in answer
    assert answer.endswith(b"localllm is running\n")


@pytest.mark.parametrize("at", [0, 1, 4, 8])
async def test_an_upgrade_that_comes_in_pieces_does_not_make_a_request_of_its_body(
    port: int, at: int
):
    forged = b"GET /forged HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head = CHAT + b"Connection: upgrade\r\nContent-Length: %d\r" % len(forged)
    upgrade = b"\nUpgrade: h2c\r\n\r\n"
    answer = await talk(port, head + upgrade[:at], upgrade[at:], forged)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"forged" not in answer


async def test_an_upgrade_behind_the_end_of_a_body_does_not_either(port: int):
    forged = b"GET /forged HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    first = CHAT + b"X-API-Key: x\r\nContent-Length: 4\r\n\r\n{}"
    head = CHAT + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n"
    answer = await talk(port, first, b"  " + head % len(forged), forged)
    assert b"forged" not in answer
    assert answer.endswith(b"}")


async def test_a_connection_that_does_not_say_what_it_wants_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.http.protocol.HEAD_SECONDS", 0.05)
    with bare_gateway(tmp_path) as gateway:
        async with served(gateway) as url:
            answer = await talk(urlsplit(url).port or 0, b"GET / HTTP/1.1\r\nHost")
    assert parsed(answer)[0] == 408


async def test_a_request_that_is_whole_has_all_the_time_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.http.protocol.HEAD_SECONDS", 0.05)
    ends = CHAT + b"X-API-Key: x\r\nContent-Length: 0\r\n\r\n"
    with bare_gateway(tmp_path) as gateway:
        async with served(gateway) as url:
            port = urlsplit(url).port or 0
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ends)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401")
            late = await talk(port, b"GET")
            assert parsed(late)[0] == 408  # by then the first one's time was over too
            writer.write(ends.replace(b"Host: x", b"Connection: close\r\nHost: x"))
            assert b"401" in await reader.read()
            writer.close()


async def test_a_head_that_begins_during_an_answer_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.http.protocol.HEAD_SECONDS", 0.05)
    goes_on = asyncio.Event()

    def slow(app: Any) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] != "/slow":
                await app(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begins", "more_body": True})
            await goes_on.wait()
            await send({"type": "http.response.body", "body": b"ends"})

        return serve

    with bare_gateway(tmp_path) as gateway:
        async with served(gateway, around=slow) as url:
            port = urlsplit(url).port or 0
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"begins\r\n")
            writer.write(b"GET / HTT")
            late = await talk(port, b"GET")
            assert parsed(late)[0] == 408  # by then the first one's time would be over too
            monkeypatch.setattr("gateway.http.protocol.HEAD_SECONDS", 60.0)  # it begins only now
            goes_on.set()
            assert await reader.readuntil(b"0\r\n\r\n") == b"4\r\nends\r\n0\r\n\r\n"
            writer.write(b"P/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
