"""Bytes that are too many, no HTTP, or aimed past our routes: a clear error or a cut connection,
no 500, and nothing reaches the model."""

import asyncio
import json
from urllib.parse import unquote

import pytest

from tests.support.callers import QUESTION
from tests.support.raw_client import (
    ask,
    ask_without_closing,
    chat,
    exchange,
    leave_in_the_middle,
    parse,
    refused,
    request,
)

CHAT = "/v1/chat/completions"
GOOD = json.dumps(QUESTION).encode()
MIB = 1024**2


@pytest.mark.parametrize("sent", [0, 25 * MIB])
def test_a_body_of_25_mb_is_a_413_as_soon_as_it_is_announced(
    unharmed: int, key: str, sent: int
) -> None:
    head = request("POST", CHAT, b"", f"Authorization: Bearer {key}")
    head = head.replace(b"Content-Length: 0", b"Content-Length: %d" % (25 * MIB))
    if sent:
        answer = ask_without_closing(unharmed, head, *[b" " * MIB] * 25)
        refused(answer, 413, "request_too_large")
        return

    # Nothing of the body is sent, and yet the answer is here.
    async def only_the_head() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", unharmed)
        writer.write(head)
        try:
            return await reader.readuntil(b"}}")
        finally:
            writer.close()

    refused(parse(asyncio.run(only_the_head())), 413, "request_too_large")


def test_a_body_of_25_mb_without_a_length_is_a_413(unharmed: int, key: str) -> None:
    head = request("POST", CHAT, b"", f"Authorization: Bearer {key}")
    head = head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b"%x\r\n" % MIB + b" " * MIB + b"\r\n"
    answer = ask_without_closing(unharmed, head, *[chunk] * 25, b"0\r\n\r\n")
    refused(answer, 413, "request_too_large")


def test_a_body_up_to_the_limit_is_looked_at(unharmed: int, key: str) -> None:
    body = b'{"model": "m", "messages": []}'.ljust(20 * MIB)
    refused(chat(unharmed, key, body), 400, "invalid_request")
    larger = request("POST", CHAT, body + b" ", f"Authorization: Bearer {key}")
    refused(ask_without_closing(unharmed, larger), 413, "request_too_large")


def test_an_admin_request_has_its_own_bound(unharmed: int) -> None:
    body = json.dumps({"label": "x" * 100_000}).encode()
    answer = ask(
        unharmed, request("POST", "/admin/api-keys", body, "X-Admin-Secret: for-tests-only")
    )
    refused(answer, 413, "request_too_large")


@pytest.mark.parametrize(
    "headers",
    [
        [b"X-Large: " + b"a" * MIB + b"\r\n"],
        [b"X-Large: " + b"a" * 40_000 + b"\r\n"],
        [b"X-Small: a\r\n" * 10_000],
        [b"X-Endless: ", *[b"a" * 65536] * 64],
        [b"X-Small: a\r\n" * 5000] * 64,
        [b"a" * MIB],
    ],
    ids=["1 MB", "40 KB", "10,000 of them", "endless", "endlessly many", "endless name"],
)
def test_huge_headers_are_a_431_or_the_end_of_the_connection(
    unharmed: int, headers: list[bytes]
) -> None:
    received = exchange(
        unharmed, [b"GET /v1/models HTTP/1.1\r\nConnection: close\r\n", *headers, b"\r\n"]
    )
    if received:  # the rest of what was sent may have reset the connection before it was read
        answer = parse(received)
        assert answer.status in {400, 431}
        assert answer.error["code"] in {"headers_too_large", "invalid_request"}


def test_a_request_line_without_end_is_refused(unharmed: int) -> None:
    received = exchange(unharmed, [b"GET /", *[b"a" * 65536] * 32])
    assert not received or parse(received).status in {400, 431}


@pytest.mark.parametrize(
    "target",
    [
        "/v1/../api/tags",
        "/v1/./chat/completions",
        "/v1/chat/..",
        "/..",
        "/../../etc/passwd",
        "/v1/%2e%2e/api/tags",
        "/v1/%2E%2E/api/tags",
        "/v1/.%2e/api/tags",
        "/v1/..%2fapi/tags",
        "/v1%2fchat%2fcompletions",
        "/v1%2Fchat/completions",
        "/v1/..%5capi%5ctags",
        "/v1/..\\api\\tags",
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat/completions//",
        "/v1/chat/completions%00",
        "/%00",
        "/v1/chat/completions%0a",
        "/v1/chat/completions%0d%0aX-Injected:%20yes",
        "/v1/chat/completions%20",
        "/v1/chat/completions;x",
        "/v1/chat/completions.json",
        "/v1/chat/completions/x",
        "/V1/Chat/Completions",
        "/%76%31/../api/tags",
        "/api%2Ftags",
        "/%61pi/create",
        "/api/create",
        "/api/push",
        "/api/delete",
        "/v1/chat/completions%252f",
        "/v1/chat/%63ompletions%2f..%2f",
        "/%ff%fe",
        "/%E2%80%AE",
        "/" + "a" * 20_000,
        "http://evil.example/api/create",
        "http://evil.example/v1/../api/create",
    ],
)
def test_a_path_that_is_none_of_ours_is_a_404(unharmed: int, key: str, target: str) -> None:
    answer = ask(unharmed, request("POST", target, GOOD, f"Authorization: Bearer {key}"))
    assert answer.status == 404
    assert "x-injected" not in answer.headers
    if unquote(target.removeprefix("http://evil.example")).startswith("/api/"):
        assert list(json.loads(answer.body)) == ["error"]  # in Ollama's own words
    else:
        refused(answer, 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_a_wrong_method_is_a_405_that_names_the_right_one(unharmed: int, method: str) -> None:
    answer = ask(unharmed, request(method, CHAT))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    if method == "HEAD":
        assert answer.rest == answer.body == b""
    else:
        refused(answer, 405, "method_not_allowed")
    method = "POST" if method in {"GET", "HEAD"} else method
    answer = ask(unharmed, request(method, "/v1/usage"))
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]


WRONG_HTTP: dict[str, bytes] = {
    "binary": b"\x00\x01\x02\xff\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(100),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
    "odd method": b"BREW /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n",
    "small letters": b"post /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n",
    "tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "zero in target": b"GET /v1/us\x00age HTTP/1.1\r\nHost: x\r\n\r\n",
    "space in target": b"GET /v1/us age HTTP/1.1\r\nHost: x\r\n\r\n",
    "relative target": b"GET v1/usage HTTP/1.1\r\nHost: x\r\n\r\n",
    "no path": b"GET http://evil.example HTTP/1.1\r\nHost: x\r\n\r\n",
    "only a query": b"GET ?x HTTP/1.1\r\nHost: x\r\n\r\n",
    "space in name": b"GET /health HTTP/1.1\r\nX Y: z\r\n\r\n",
    "no colon": b"GET /health HTTP/1.1\r\nnonsense\r\n\r\n",
    "zero in value": b"GET /health HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    "line end alone": b"GET /health HTTP/1.1\r\nX: a\rY: b\r\n\r\n",
    "folded line": b"GET /health HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
    "two lengths": b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 5\r\n"
    b"Content-Length: 6\r\n\r\n12345",
    "length and chunks": b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    "length of words": b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: five\r\n\r\n",
    "endless length": b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %s\r\n\r\n"
    % (b"9" * 40),
    "bad chunk": b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "unknown coding": b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nx",
    "control in origin": b"GET /health HTTP/1.1\r\nOrigin: https://a\x0b\r\n\r\n",
    "control in preflight": b"OPTIONS /health HTTP/1.1\r\nOrigin: https://a\r\n"
    b"Access-Control-Request-Headers: x\x7fy\r\n\r\n",
}


@pytest.mark.parametrize("name", WRONG_HTTP)
def test_what_is_no_http_is_a_400_and_the_end_of_the_connection(unharmed: int, name: str) -> None:
    answer = ask(unharmed, WRONG_HTTP[name])
    refused(answer, 400, "invalid_request")
    assert answer.headers["connection"] == "close"


def test_a_request_that_is_not_finished_leaves_nothing_behind(unharmed: int, key: str) -> None:
    whole = request("POST", CHAT, GOOD, f"Authorization: Bearer {key}")
    for length in (0, 1, 20, 80, len(whole) - 1):
        leave_in_the_middle(unharmed, whole[:length])


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate", "br", "GZIP", "identity, gzip"])
def test_a_coded_body_is_a_415_for_no_one_looks_into_it(
    unharmed: int, key: str, coding: str
) -> None:
    answer = chat(unharmed, key, GOOD, f"Content-Encoding: {coding}")
    refused(answer, 415, "unsupported_encoding")
