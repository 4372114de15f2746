"""Two machines: the follow-ups of a conversation go to the one that has read its beginning, in
every dialect, and a crowd is spread all the same."""

import asyncio
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.callers import bearer, connect
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream, answer
from tests.support.prometheus_text import Samples
from tests.support.several_backends import Machines, two_machines, two_servers

ROUTES = ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/api/chat")
CHAT = ROUTES[0]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def running(shared_dsn: str) -> Iterator[Machines]:
    with two_servers() as (first, second), two_machines(shared_dsn, first, second) as scene:
        yield scene


@pytest.fixture
def scene(running: Machines) -> Iterator[Machines]:
    running.reset()
    yield running
    running.reset()


class Talk:
    """A conversation of a client, which sends all of it each time."""

    def __init__(self, scene: Machines, route: str) -> None:
        self.question = f"question {next(_numbers):04}"
        self._scene = scene
        self._route = route
        self._said: list[dict[str, str]] = []

    def ask(self) -> None:
        """The next question, and an answer to it."""
        self._said.append({"role": "user", "content": f"{self.question} {len(self._said)}"})
        with connect(self._scene.gateway.url) as client:
            answer = client.post(self._route, json=self._body(), headers=self._headers())
        assert answer.status_code == 200, answer.text
        self._said.append({"role": "assistant", "content": "Hello."})

    def _headers(self) -> dict[str, str]:
        return bearer(self._scene.books.key)

    def _body(self) -> dict[str, Any]:
        told: dict[str, Any] = {"model": MODEL, "stream": False}
        system = "You know rivers. " * 100
        match self._route:
            case "/v1/responses":
                return {**told, "instructions": system, "input": self._said}
            case "/v1/messages":
                return {**told, "system": system, "messages": self._said, "max_tokens": 9}
            case _:
                return {**told, "messages": [{"role": "system", "content": system}, *self._said]}


def asked(machine: FakeUpstream, talk: Talk) -> int:
    """How often the machine was asked in this conversation."""
    return sum(talk.question.encode() in one.body for one in machine.chats)


def begun_apart(scene: Machines, route: str) -> tuple[Talk, Talk]:
    """Two conversations, the first of which began at the first machine; the other one began while
    that was busy."""
    gate = scene.first.gate()

    async def wait(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    scene.first.behave = wait
    one, other = Talk(scene, route), Talk(scene, route)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(one.ask)
        scene.first.wait_for_chats(1)
        other.ask()
        gate.open()
        asking.result()
    return one, other


@pytest.mark.parametrize("route", ROUTES)
def test_the_follow_ups_of_two_conversations_each_stay_with_their_machine(
    scene: Machines, route: str
) -> None:
    one, other = begun_apart(scene, route)
    for talk in (other, one, one, other, other, one):
        talk.ask()
    assert (asked(scene.first, one), asked(scene.second, one)) == (4, 0)
    assert (asked(scene.first, other), asked(scene.second, other)) == (0, 4)


def test_when_its_machine_goes_away_a_conversation_moves_and_stays_where_it_went(
    scene: Machines,
) -> None:
    one, other = begun_apart(scene, CHAT)
    scene.first.stop()
    one.ask()
    assert (asked(scene.first, one), asked(scene.second, one)) == (1, 1)
    scene.first.start()
    asyncio.run(scene.mended())
    for talk in (one, other, one):
        talk.ask()
    assert scene.chats == (0, 3)


def test_a_crowd_is_spread_although_one_machine_has_read_all_of_it(scene: Machines) -> None:
    talks = [Talk(scene, CHAT) for _ in range(6)]
    scene.second.stop()
    for talk in talks:
        talk.ask()
    scene.second.start()
    asyncio.run(scene.mended())
    gates = [one.gate() for one in scene.both]

    def wait_at(number: int) -> Any:
        async def wait(exchange: Exchange) -> None:
            await gates[number].passed()
            await answer(exchange)

        return wait

    for number, one in enumerate(scene.both):
        one.behave = wait_at(number)
    with ThreadPoolExecutor(len(talks)) as pool:
        asking = [pool.submit(talk.ask) for talk in talks]
        for one in scene.both:
            one.wait_for_chats(3)
        for gate in gates:
            gate.open()
        for one in asking:
            one.result()
    assert scene.chats == (3, 3)


def test_it_is_counted_how_many_follow_ups_stayed(scene: Machines) -> None:
    def counted() -> tuple[float, ...]:
        with connect(scene.gateway.url) as client:
            told = Samples(client.get("/metrics").text)
        name = "localllm_follow_ups_total"
        return tuple(told.total(name, machine=one) for one in ("same", "other"))

    before = counted()
    one, _ = begun_apart(scene, CHAT)
    one.ask()
    scene.first.stop()
    Talk(scene, CHAT).ask()  # learns that it is away
    one.ask()
    scene.first.start()
    asyncio.run(scene.mended())
    assert tuple(b - a for a, b in zip(before, counted(), strict=True)) == (1, 1)
