"""Several model servers: one that fails before its first byte is left for another, never after."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from tests.support.failing_parts import eventually
from tests.support.fake_upstream import PROMPT_TOKENS, WORDS, Exchange
from tests.support.several_backends import (
    Behave,
    Machines,
    counted_differently,
    two_machines,
    two_servers,
)


@pytest.fixture(scope="module")
def running(shared_dsn: str) -> Iterator[Machines]:
    with two_servers() as (first, second):
        second.models.append({"name": "only-second"})
        with two_machines(shared_dsn, first, second) as scene:
            yield scene


@pytest.fixture
def scene(running: Machines) -> Machines:
    """Both well; for tests that leave them so."""
    running.reset()
    return running


@pytest.fixture
def breaking(scene: Machines) -> Iterator[Machines]:
    """The same for tests after which a machine may be taken for away."""
    yield scene
    asyncio.run(scene.mended())


def refusing(status: int, body: object = None) -> Behave:
    return lambda exchange: exchange.whole(body or {"error": {"message": "not here"}}, status)


async def cut_at_once(exchange: Exchange) -> None:
    exchange.cut()


async def half_a_head(exchange: Exchange) -> None:
    await exchange._write(b"HTTP/1.1 200 OK\r\nContent-Ty")
    exchange.cut()


async def silence(_: Exchange) -> None:
    await asyncio.Event().wait()


STATUSES = {
    "busy": 503,
    "too many": 429,
    "bad gateway": 502,
    "no memory": 500,
    "model is gone": 404,
    "route is missing": 501,
    "not let in": 401,
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", STATUSES.values(), ids=STATUSES)
def test_what_one_machine_cannot_do_another_does_and_it_is_counted_once(
    scene: Machines, status: int, stream: bool
) -> None:
    answered_by_the_second(scene, refusing(status), stream)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("how", [cut_at_once, half_a_head])
def test_a_connection_lost_before_the_first_byte_is_made_good_by_another_and_counted_once(
    breaking: Machines, how: Behave, stream: bool
) -> None:
    answered_by_the_second(breaking, how, stream)


def answered_by_the_second(scene: Machines, behave: Behave, stream: bool) -> None:
    scene.first.behave = behave
    scene.second.behave = counted_differently
    seen, row = asyncio.run(scene.ask(stream=stream))
    assert seen.complete
    assert (row.counts, row.usage_source, row.status) == ((21, 6), "reported", "ok")
    assert scene.chats == (1, 1)
    [tried], [served] = scene.first.chats, scene.second.chats
    assert tried.body == served.body


def test_a_machine_that_is_not_there_is_passed_over_and_comes_back(breaking: Machines) -> None:
    scene = breaking

    async def play() -> None:
        await asyncio.to_thread(scene.first.stop)
        for count in (1, 2, 3):
            seen, row = await scene.ask()
            assert seen.complete
            assert row.usage_source == "reported"
            assert scene.chats == (0, count)
        await asyncio.to_thread(scene.first.start)
        # Nobody asks: the gateway looks by itself.
        await asyncio.to_thread(
            scene.first.wait_until,
            lambda: [one for one in scene.first.received if one.target == "/api/tags"],
        )

        async def used_again() -> bool:
            await scene.ask()
            return scene.chats[0] > 0

        await eventually(used_again)

    asyncio.run(play())
    assert scene.gateway.running is not None
    for said in ("does not answer", "answers again"):
        scene.gateway.running.wait_for(f"{scene.first.url} {said}")


async def some_words(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.words()
    exchange.cut()


async def only_a_head(exchange: Exchange) -> None:
    await exchange.head()
    exchange.cut()


@pytest.mark.parametrize("begun", [some_words, only_a_head])
def test_what_has_begun_is_never_asked_of_another(scene: Machines, begun: Behave) -> None:
    scene.first.behave = begun
    seen, row = asyncio.run(scene.ask())
    assert seen.failed
    assert row.status == "truncated"
    assert scene.chats == (1, 0)


def test_the_request_s_own_fault_is_not_carried_on(scene: Machines) -> None:
    scene.first.behave = refusing(400)
    seen, row = asyncio.run(scene.ask())
    assert (seen.status, row.usage_source) == (400, "none")
    assert scene.chats == (1, 0)


def test_silence_for_the_whole_of_the_time_out_is_the_end(
    running: Machines, shared_dsn: str
) -> None:
    with two_machines(shared_dsn, *running.both, OLLAMA_TIMEOUT=1) as scene:
        scene.first.behave = silence
        seen, row = asyncio.run(scene.ask())
    assert (seen.status, row.usage_source) == (504, "none")
    assert scene.chats == (1, 0)


def test_when_all_fail_the_last_word_is_told_and_each_was_asked_once(breaking: Machines) -> None:
    breaking.first.behave, breaking.second.behave = cut_at_once, refusing(503)
    seen, row = asyncio.run(breaking.ask(stream=False))
    assert seen.status == 503
    assert "not here" in json.loads(seen.body)["error"]["message"]
    assert int(seen.headers["retry-after"]) > 0
    assert (row.counts, row.usage_source) == ((0, 0), "none")
    assert breaking.chats == (1, 1)


def test_while_all_are_away_who_has_the_model_is_tried_all_the_same(breaking: Machines) -> None:
    scene = breaking

    async def play() -> None:
        for one in scene.both:
            await asyncio.to_thread(one.stop)
        seen, _ = await scene.ask(model="only-second")
        assert seen.status == 503
        await asyncio.to_thread(scene.second.start)
        # At the first request, however long the next look is away.
        seen, _ = await scene.ask(model="only-second")
        assert seen.complete
        await asyncio.to_thread(scene.first.start)

    asyncio.run(play())


def test_the_counts_are_those_of_the_one_that_answered(scene: Machines) -> None:
    seen, row = asyncio.run(scene.ask())
    assert seen.complete
    assert row.counts == (PROMPT_TOKENS, len(WORDS))
    assert sum(scene.chats) == 1
