"""A machine that goes away is noticed at the first question, told of once, and found again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from gateway.backends.backend import Backend
from gateway.backends.client import Timeouts
from gateway.backends.http1 import Silence
from gateway.core.errors import Refusal
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream, answer, fake_upstream

pytestmark = pytest.mark.anyio
BODY = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
IMPATIENT = Timeouts(60.0, Silence(0.01, 0.01))


@pytest.fixture
def server() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        yield running


@pytest.fixture
async def backend(server: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Backend]:
    monkeypatch.setattr("gateway.backends.backend.FIRST_PAUSE", 0.001)
    backend = Backend(server.url, 60.0, slots=1)
    yield backend
    await backend.close()


async def ask(backend: Backend, *, whole: bool = False) -> int | str:
    """The status, or the reason why there is none."""
    answer = await backend.client.post("/v1/chat/completions", BODY, whole=whole)
    if isinstance(answer, Refusal):
        return answer.reason
    answer.close()
    return answer.status


def watched(backend: Backend) -> tuple[list[bool], Callable[[], Awaitable[None]]]:
    """What it changed to, and a wait for the next change."""
    states: list[bool] = []
    changed = asyncio.Event()

    def note() -> None:
        states.append(backend.is_up)
        changed.set()

    async def next_change() -> None:
        async with asyncio.timeout(30):
            await changed.wait()
        changed.clear()

    backend.changed = note
    return states, next_change


async def test_it_goes_away_once_and_comes_back_by_itself(
    server: FakeUpstream, backend: Backend, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "localllm")
    states, next_change = watched(backend)
    assert await ask(backend) == 200
    await asyncio.to_thread(server.stop)
    for _ in range(3):
        assert await ask(backend) == "upstream_unavailable"
    await next_change()
    assert states == [False]
    server.models[0]["name"] = "new:latest"
    await asyncio.to_thread(server.start)
    await next_change()  # nobody has asked
    assert states == [False, True]
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"the model server at {server.url} does not answer",
        f"the model server at {server.url} answers again",
    ]
    found = await backend.models.find("new:latest")
    assert found is not None  # what it has was asked anew


async def test_one_that_answers_a_request_is_back_before_the_next_look(
    server: FakeUpstream, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.backends.backend.FIRST_PAUSE", 3600.0)
    states, _ = watched(backend)
    await asyncio.to_thread(server.stop)
    assert await ask(backend) == "upstream_unavailable"
    await asyncio.to_thread(server.start)
    assert await ask(backend) == 200
    assert states == [False, True]


async def test_a_model_that_thinks_for_long_is_not_away_but_a_silent_list_is(
    server: FakeUpstream, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    async def silence(_: Exchange) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(server, "_route", silence)
    backend.client._patient = IMPATIENT
    assert await ask(backend) == "upstream_timeout"
    assert backend.is_up
    backend.client._quick = IMPATIENT
    answer = await backend.client.read("GET", "/api/tags")
    assert answer == Refusal("upstream_timeout")
    assert not backend.is_up


async def test_a_list_that_never_ends_keeps_nobody_waiting(
    server: FakeUpstream, monkeypatch: pytest.MonkeyPatch
):
    async def trickle(exchange: Exchange) -> None:
        await exchange.head("application/json")
        while True:
            await exchange.send(b" ")
            await asyncio.sleep(0.001)

    monkeypatch.setattr("gateway.backends.client.SOON", 0.1)
    monkeypatch.setattr(server, "_route", trickle)
    backend = Backend(server.url, 60.0, slots=1)
    async with asyncio.timeout(30):
        answer = await backend.client.read("GET", "/api/tags")
    assert isinstance(answer, Refusal)
    await asyncio.to_thread(server.wait_until, lambda: server.received[0].gone)
    await backend.close()


async def test_an_answer_in_one_piece_may_be_silent_for_five_times_as_long(
    server: FakeUpstream, backend: Backend
):
    gate = server.gate()

    async def slow(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    server.behave = slow
    patience = backend.client._patient.silence.body
    assert backend.client._whole.silence == (5 * patience, 5 * patience)
    assert patience > 0
    backend.client._patient = IMPATIENT
    asking = asyncio.create_task(ask(backend, whole=True))
    await asyncio.to_thread(server.wait_for_chats, 1)
    assert await ask(backend) == "upstream_timeout"  # one that began later, and may stream
    gate.open()
    assert await asking == 200


async def test_what_is_still_said_of_its_old_address_does_not_count_for_the_new_one(
    server: FakeUpstream, backend: Backend
):
    gate = server.gate()

    async def die(exchange: Exchange) -> None:
        await gate.passed()
        exchange.cut()

    server.behave = die
    asking = asyncio.create_task(ask(backend))
    await asyncio.to_thread(server.wait_for_chats, 1)
    states, _ = watched(backend)
    backend.point_to("http://127.0.0.1:1", listed_only=True)
    gate.open()
    assert await asking == "upstream_unavailable"
    assert states == [True]
    assert backend.is_up


async def test_the_models_of_another_server_are_asked_before_the_first_request_to_it(
    server: FakeUpstream, backend: Backend
):
    assert await backend.models.find(MODEL) is not None
    with fake_upstream() as other:
        other.models[0]["name"] = "theirs:latest"
        backend.point_to(other.url)
        assert backend.models.told(MODEL) is None
        assert await backend.models.find("theirs:latest") is not None
        assert await backend.models.find(MODEL) is None
        await backend.close()


async def test_one_that_is_closed_while_it_is_asked_for_its_models_is_asked_no_more(
    server: FakeUpstream,
):
    backend = Backend(server.url, 60.0, slots=1)
    looking = backend.models.refresh()
    await backend.close()  # before the question has begun
    assert looking.cancelled()
