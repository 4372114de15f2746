"""How a model server is asked, and what its responses and failures become."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from pytest_httpx import HTTPXMock, IteratorStream

from gateway.backends import client as module
from gateway.backends.client import WHOLE_PATIENCE, BackendClient, ModelResponse, Target
from gateway.backends.http1 import ReadError, ReadTimeout, TransportError
from gateway.core.errors import Refusal
from tests.support.told_transport import ToldResponse, ToldTransport

pytestmark = pytest.mark.anyio
URL, PATH = "http://models:11434", "/v1/chat/completions"
FIXED = {
    "host": "localhost",
    "content-type": "application/json",
    "accept": "*/*",
    "accept-encoding": "identity",
    "user-agent": "localllm",
}
SILENT = httpx.ReadTimeout("no byte for too long")
AWAY = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("no answer"),
    httpx.ReadError("cut"),
    httpx.RemoteProtocolError("no HTTP"),
    httpx.ProxyError("no way"),
]


@pytest.fixture
async def client() -> AsyncIterator[BackendClient]:
    made = BackendClient(Target(URL), timeout=60, transport=ToldTransport())
    yield made
    made.close()


async def post(client: BackendClient, **options: Any) -> ModelResponse:
    response = await client.post(PATH, b"{}", **options)
    assert isinstance(response, ModelResponse)
    return response


async def test_each_request_has_the_same_headers_and_no_others(
    client: BackendClient, httpx_mock: HTTPXMock
):
    httpx_mock.add_response(is_reusable=True)
    await post(client)
    await client.read("GET", "/api/tags")
    client.point_to("http://other/below", {"authorization": "Bearer x", "host": "other"})
    await post(client)
    first, second, third = httpx_mock.get_requests()
    assert (first.method, str(first.url), first.content) == ("POST", URL + PATH, b"{}")
    assert (second.method, str(second.url), second.content) == ("GET", f"{URL}/api/tags", b"")
    assert dict(first.headers) == dict(second.headers) == FIXED
    assert str(third.url) == f"http://other/below{PATH}"
    assert dict(third.headers) == {**FIXED, "authorization": "Bearer x", "host": "other"}


@pytest.mark.parametrize("status", [200, 201, 302, 404, 429, 500])
async def test_a_response_comes_as_it_is_whatever_its_status(
    client: BackendClient, httpx_mock: HTTPXMock, status: int
):
    httpx_mock.add_response(status, headers={"Content-Type": "text/x", "Location": "/elsewhere"})
    response = await post(client)
    assert (response.status, response.content_type) == (status, "text/x")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *((404, "not_found"), (405, "not_found"), (501, "not_found")),
        *((302, "upstream_error"), (401, "upstream_error"), (500, "upstream_error")),
    ],
)
async def test_only_a_200_answers_a_short_question(
    client: BackendClient, httpx_mock: HTTPXMock, status: int, reason: str
):
    httpx_mock.add_response(content=b"all of it")
    assert await client.read("GET", "/api/tags") == b"all of it"
    httpx_mock.add_response(status, content=b"SECRET")
    refusal = await client.read("GET", "/api/tags")
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert "SECRET" not in refusal.message
    assert client.is_up


async def test_each_kind_of_request_is_as_patient_as_its_response_is_slow(
    client: BackendClient, httpx_mock: HTTPXMock
):
    httpx_mock.add_response(is_reusable=True)
    await post(client)
    await post(client, whole=True)
    await client.read("GET", "/api/tags")
    allowed = [request.extensions["timeout"] for request in httpx_mock.get_requests()]
    assert [(one["connect"], one["read"]) for one in allowed] == [
        *((5, 60), (5, 60 * WHOLE_PATIENCE), (2, 5))
    ]


@pytest.mark.parametrize("problem", AWAY, ids=lambda one: type(one).__name__)
async def test_who_cannot_be_reached_is_away_until_it_answers(
    client: BackendClient, httpx_mock: HTTPXMock, problem: httpx.TransportError
):
    states: list[bool] = []
    client.changed = lambda: states.append(client.is_up)
    for _ in range(2):
        httpx_mock.add_exception(problem)
        refusal = await client.post(PATH, b"{}")
        assert isinstance(refusal, Refusal)
        assert (refusal.reason, refusal.retry_after_ms) == ("upstream_unavailable", 2000)
    assert states == [False]
    httpx_mock.add_response(500)
    await post(client)
    assert states == [False, True]


async def test_who_is_silent_has_timed_out_and_is_away_if_the_question_was_short(
    client: BackendClient, httpx_mock: HTTPXMock
):
    httpx_mock.add_exception(SILENT, is_reusable=True)
    assert await client.post(PATH, b"{}") == Refusal("upstream_timeout")
    assert client.is_up
    assert await client.read("GET", "/api/tags") == Refusal("upstream_timeout")
    assert not client.is_up


async def test_an_address_that_is_none_is_away():
    client = BackendClient(Target("http://[::"), timeout=60)
    refusal = await client.post(PATH, b"{}")
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "upstream_unavailable"


class Body(httpx.ByteStream):
    """Parts of a body, and whether it was closed."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self.parts = list(parts)
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.parts:
            part = self.parts.pop(0)
            if isinstance(part, Exception):
                raise part
            yield part

    def close(self) -> None:
        self.closed = True


async def test_a_body_larger_than_any_answer_is_left_where_it_is(
    client: BackendClient, httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MAX_BODY", 8)
    bodies = [Body(b"1234", b"5678", b"9", b"never read") for _ in range(2)]
    for body in bodies:
        httpx_mock.add_response(stream=body)
    response = await post(client)
    with pytest.raises(TransportError):
        await response.body()
    response.close()
    refusal = await client.read("GET", "/api/tags")
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "upstream_unavailable"
    assert [(body.parts, body.closed) for body in bodies] == [([b"never read"], True)] * 2


@pytest.mark.parametrize(
    ("problem", "known"), [(SILENT, ReadTimeout), (httpx.ReadError("cut"), ReadError)]
)
async def test_what_came_of_a_body_before_it_was_cut_is_kept(
    client: BackendClient,
    httpx_mock: HTTPXMock,
    problem: httpx.TransportError,
    known: type[TransportError],
):
    httpx_mock.add_response(stream=Body(b"half of ", b"it", problem))
    response = await post(client)
    with pytest.raises(known):
        await response.body()
    assert response.received == b"half of it"


async def test_the_rest_behind_the_end_is_read_and_its_failure_is_no_news(
    client: BackendClient, httpx_mock: HTTPXMock
):
    body = Body(b"data: [DONE]\n\n", b"rest", httpx.ReadError("cut"))
    httpx_mock.add_response(stream=body)
    response = await post(client)
    assert await anext(response.chunks()) == b"data: [DONE]\n\n"
    await response.to_its_end()
    response.close()
    assert (body.parts, body.closed) == ([], True)


async def test_each_part_of_a_stream_comes_as_it_arrived(
    client: BackendClient, httpx_mock: HTTPXMock
):
    httpx_mock.add_response(stream=IteratorStream([b"one", b"two"]))
    response = await post(client)
    assert [part async for part in response.chunks()] == [b"one", b"two"]


async def test_a_server_that_sends_no_head_in_all_that_time_is_away(
    monkeypatch: pytest.MonkeyPatch,
):
    """As one whose name is looked up for ever: no time-out of the connection covers that."""

    class Hanging(ToldTransport):
        async def send(self, *_: Any, **__: Any) -> ToldResponse:
            return await anyio.sleep_forever()

    monkeypatch.setattr(module, "SOON", 0.01)
    client = BackendClient(Target(URL), timeout=60, transport=Hanging())
    answer = await client.read("GET", "/api/tags")
    assert isinstance(answer, Refusal)
    assert answer.reason == "upstream_unavailable"
    assert not client.is_up
