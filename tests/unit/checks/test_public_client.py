"""What is sent to a public address, and how much of any answer is read."""

import json
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest
from pytest_httpx import HTTPXMock, IteratorStream

from gateway.checks.finding import ok
from gateway.checks.public_address import connection, event_stream
from gateway.checks.public_address.client import LARGEST, NoAnswer, PublicClient, unpacked
from gateway.checks.public_address.error_pages import describe

pytestmark = pytest.mark.anyio
ADDRESS = "2001:db8::7"


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PublicClient]:
    """Connected to Cloudflare, as it believes."""

    async def look_up(*_: object) -> list[str]:
        return ["192.0.2.1", ADDRESS]

    async def connect(*_: object) -> tuple[object, str]:
        return ok("https", "trusted"), ADDRESS

    monkeypatch.setattr(connection, "look_up", look_up)
    monkeypatch.setattr(connection, "connect", connect)
    async with PublicClient("https://llm.example.com") as client:
        assert (await client.connect()).state == "ok"
        yield client


def body(*parts: bytes) -> IteratorStream:
    return IteratorStream(list(parts))


def packed(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def events(*sent: int) -> bytes:
    lines = [{"instance": "a", "status": "ok", "sent_ms": each} for each in sent]
    return b"".join(b"data: %s\n\n" % json.dumps(line).encode() for line in lines)


@pytest.mark.parametrize("path", ["/v1/../api/tags", "//api/tags", "/api%2ftags"])
async def test_a_path_is_sent_as_it_is_to_the_address_that_answered(
    client: PublicClient, httpx_mock: HTTPXMock, path: str
):
    httpx_mock.add_response(stream=body(b"{}"))
    await client.request("GET", path)
    [request] = httpx_mock.get_requests()
    assert request.extensions["target"] == path.encode()
    assert (request.url.host, request.url.port) == (ADDRESS, None)
    assert request.headers["Host"] == "llm.example.com"
    assert request.extensions["sni_hostname"] == "llm.example.com"


async def test_no_redirect_is_followed_and_no_cookie_is_kept(
    client: PublicClient, httpx_mock: HTTPXMock
):
    headers = {"Location": "https://elsewhere.example/", "Set-Cookie": "CF_Session=x; Path=/"}
    httpx_mock.add_response(status_code=302, headers=headers, stream=body())
    httpx_mock.add_response(stream=body())
    assert (await client.request("GET", "/")).headers["location"] == "https://elsewhere.example/"
    await client.request("GET", "/")
    assert ["Cookie" in one.headers for one in httpx_mock.get_requests()] == [False, False]


@pytest.mark.parametrize("gzip", [False, True])
async def test_a_page_of_cloudflare_is_named_packed_or_not(
    client: PublicClient, httpx_mock: HTTPXMock, gzip: bool
):
    page = b"<title>Cloudflare</title><span class='cf-error-code'>1033</span>"
    headers = {"Content-Encoding": "gzip"} if gzip else {}
    sent = packed(page) if gzip else page
    httpx_mock.add_response(status_code=530, headers=headers, stream=body(sent[:20], sent[20:]))
    answer = await client.request("GET", "/health")
    assert answer.body == page
    assert "error 1033" in describe(answer, "http://127.0.0.1:8000")


async def test_of_a_huge_page_only_the_beginning_is_read(
    client: PublicClient, httpx_mock: HTTPXMock
):
    bomb = packed(bytes(50 * 1024**2))
    gzip = {"Content-Encoding": "gzip"}
    httpx_mock.add_response(headers=gzip, stream=body(bomb), is_reusable=True)
    assert (await client.request("GET", "/")).body == bytes(LARGEST)
    async with client.stream("GET", "/") as response:
        assert len(await anext(unpacked(response))) == LARGEST + 1  # nor is more ever in memory


async def test_of_a_page_without_end_only_the_beginning_is_read(
    client: PublicClient, httpx_mock: HTTPXMock
):
    httpx_mock.add_response(stream=body(*[b"x" * 1000] * 1000))
    assert (await client.request("GET", "/")).body == b"x" * LARGEST


@pytest.mark.parametrize(
    ("headers", "parts", "said"),
    [
        ({"Content-Encoding": "gzip"}, [b"not packed"], "incorrect header check"),
        ({"Content-Type": "text/event-stream"}, [b"data: {}\n\n" * 10_000], "without an end"),
        ({"Content-Type": "text/event-stream"}, [b"data: {\n\n"], "not JSON"),
        ({"Content-Type": "text/event-stream"}, [b"data: " + b"[" * 60_000 + b"\n"], "not JSON"),
        ({"Content-Type": "text/event-stream"}, [b": nothing\n\n"], "without an event"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_no_answer(
    client: PublicClient, httpx_mock: HTTPXMock,
    headers: dict[str, str], parts: list[bytes], said: str,
):  # fmt: skip
    httpx_mock.add_response(headers=headers, stream=body(*parts))
    with pytest.raises(NoAnswer, match=said):
        await event_stream.receive_events(client)


@pytest.mark.parametrize(
    ("problem", "said"),
    [(httpx.ReadTimeout(""), "no answer within 5 s"), (httpx.ReadError("reset"), "reset")],
)
async def test_a_connection_that_fails_is_no_answer(
    client: PublicClient, httpx_mock: HTTPXMock, problem: Exception, said: str
):
    httpx_mock.add_exception(problem)
    with pytest.raises(NoAnswer, match=said):
        await client.request("GET", "/")


async def test_events_are_read_from_parts_of_any_size(client: PublicClient, httpx_mock: HTTPXMock):
    sent = packed(events(0, 400, 800))
    httpx_mock.add_response(
        headers={"Content-Type": "text/event-stream", "Content-Encoding": "gzip"},
        stream=body(*[sent[at : at + 1] for at in range(len(sent))]),
    )
    heard = await event_stream.receive_events(client)
    assert isinstance(heard, event_stream.ReceivedEvents)
    assert heard.sent == [0, 400, 800]
    assert not heard.unbuffered  # they came at once
