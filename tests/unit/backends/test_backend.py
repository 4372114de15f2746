"""A machine that goes away is noticed at the first question, told of once, and found again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiohttp
import pytest

from gateway.backends.backend import Machine
from gateway.core.errors import Refusal
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream, answer, fake_upstream

pytestmark = pytest.mark.anyio
BODY = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'


@pytest.fixture
def server() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        yield running


@pytest.fixture
async def machine(server: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    monkeypatch.setattr("gateway.backends.backend.FIRST_PAUSE", 0.001)
    machine = Machine(server.url, 60.0, slots=1)
    yield machine
    await machine.close()


async def ask(machine: Machine, *, whole: bool = False) -> int | str:
    """The status, or the reason why there is none."""
    answer = await machine.upstream.post("/v1/chat/completions", BODY, whole=whole)
    if isinstance(answer, Refusal):
        return answer.reason
    answer.close()
    return answer.status


def watched(machine: Machine) -> tuple[list[bool], Callable[[], Awaitable[None]]]:
    """What it turned to, and a wait for the next turn."""
    turns: list[bool] = []
    turned = asyncio.Event()

    def note() -> None:
        turns.append(machine.answers)
        turned.set()

    async def next_turn() -> None:
        async with asyncio.timeout(30):
            await turned.wait()
        turned.clear()

    machine.changed = note
    return turns, next_turn


async def test_it_goes_away_once_and_comes_back_by_itself(
    server: FakeUpstream, machine: Machine, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "localllm")
    turns, next_turn = watched(machine)
    assert await ask(machine) == 200
    await asyncio.to_thread(server.stop)
    for _ in range(3):
        assert await ask(machine) == "upstream_unavailable"
    await next_turn()
    assert turns == [False]
    server.models[0]["name"] = "new:latest"
    await asyncio.to_thread(server.start)
    await next_turn()  # nobody has asked
    assert turns == [False, True]
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"the model server at {server.url} does not answer",
        f"the model server at {server.url} answers again",
    ]
    found = await machine.catalogue.find("new:latest")
    assert found is not None  # what it has was asked anew


async def test_one_that_answers_a_request_is_back_before_the_next_look(
    server: FakeUpstream, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.backends.backend.FIRST_PAUSE", 3600.0)
    turns, _ = watched(machine)
    await asyncio.to_thread(server.stop)
    assert await ask(machine) == "upstream_unavailable"
    await asyncio.to_thread(server.start)
    assert await ask(machine) == 200
    assert turns == [False, True]


async def test_a_model_that_thinks_for_long_is_not_away_but_a_silent_list_is(
    server: FakeUpstream, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    async def silence(_: Exchange) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(server, "_route", silence)
    machine.upstream._patient = aiohttp.ClientTimeout(sock_read=0.01)
    assert await ask(machine) == "upstream_timeout"
    assert machine.answers
    machine.upstream._quick = aiohttp.ClientTimeout(sock_read=0.01)
    answer = await machine.upstream.read("GET", "/api/tags")
    assert answer == Refusal("upstream_timeout")
    assert not machine.answers


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
    machine = Machine(server.url, 60.0, slots=1)
    async with asyncio.timeout(30):
        answer = await machine.upstream.read("GET", "/api/tags")
    assert isinstance(answer, Refusal)
    await asyncio.to_thread(server.wait_until, lambda: server.received[0].gone)
    await machine.close()


async def test_an_answer_in_one_piece_may_be_silent_for_five_times_as_long(
    server: FakeUpstream, machine: Machine
):
    gate = server.gate()

    async def slow(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    server.behave = slow
    patience = machine.upstream._patient.sock_read
    assert patience
    assert machine.upstream._whole.sock_read == 5 * patience
    machine.upstream._patient = aiohttp.ClientTimeout(sock_read=0.01)
    asking = asyncio.create_task(ask(machine, whole=True))
    await asyncio.to_thread(server.wait_for_chats, 1)
    assert await ask(machine) == "upstream_timeout"  # one that began later, and may stream
    gate.open()
    assert await asking == 200


async def test_what_is_still_said_of_its_old_address_does_not_count_for_the_new_one(
    server: FakeUpstream, machine: Machine
):
    gate = server.gate()

    async def die(exchange: Exchange) -> None:
        await gate.passed()
        exchange.cut()

    server.behave = die
    asking = asyncio.create_task(ask(machine))
    await asyncio.to_thread(server.wait_for_chats, 1)
    turns, _ = watched(machine)
    machine.point_to("http://127.0.0.1:1", listed_only=True)
    gate.open()
    assert await asking == "upstream_unavailable"
    assert turns == [True]
    assert machine.answers


async def test_the_models_of_another_server_are_asked_before_the_first_request_to_it(
    server: FakeUpstream, machine: Machine
):
    assert await machine.catalogue.find(MODEL) is not None
    with fake_upstream() as other:
        other.models[0]["name"] = "theirs:latest"
        machine.point_to(other.url)
        assert machine.catalogue.told(MODEL) is None
        assert await machine.catalogue.find("theirs:latest") is not None
        assert await machine.catalogue.find(MODEL) is None
        await machine.close()
