"""A body may come slowly, but not for nothing: by a clock that the tests put forward."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from gateway.core.errors import Refusal
from gateway.http import body
from gateway.http.body import GRACE, SLOWEST, read_body
from gateway.http.body_budget import LEAST, MOST_UNFINISHED, BodyBudget, Lease
from gateway.http.caller import Payer
from tests.support.passing_time import Clock

LIMIT = 64 * 1024**2


def slowly(pieces: int, size: int, seconds: float) -> bytes | bytearray | Refusal:
    """What comes of a body in pieces, so many seconds before each."""
    left = pieces

    async def receive() -> Any:
        nonlocal left
        await cast(Clock, asyncio.get_running_loop()).pass_by(seconds)
        left -= 1
        return {"type": "http.request", "body": b"x" * size, "more_body": left > 0}

    async def main() -> bytes | bytearray | Refusal:
        return await read_body(receive, LIMIT, None, here=False)

    with asyncio.Runner(loop_factory=Clock) as runner:
        return runner.run(main())


def test_one_that_comes_as_slowly_as_a_bad_line_is_read():
    whole = slowly(pieces=60, size=2 * SLOWEST, seconds=2.0)
    assert isinstance(whole, bytearray)
    assert len(whole) == 120 * SLOWEST


@pytest.mark.parametrize(
    ("pieces", "size", "seconds"),
    [(2, 1, GRACE + 1), (100, 1, 1.0), (200, SLOWEST // 2, 1.0), (10, 2**20, 100.0)],
    ids=["nothing", "drop by drop", "half as fast", "too long in all"],
)
def test_one_that_comes_slower_is_not_waited_for(pieces: int, size: int, seconds: float):
    refusal = slowly(pieces, size, seconds)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "request_timeout"


def stalled(arrived: int = 0) -> Callable[[], Awaitable[Any]]:
    async def receive() -> Any:
        nonlocal arrived
        if not arrived:
            await asyncio.Event().wait()
        size, arrived = arrived, 0
        return {"type": "http.request", "body": b"x" * size, "more_body": True}

    return receive


class Uploads:
    """Many bodies that have begun and do not end."""

    def __init__(self, budget: BodyBudget) -> None:
        self.budget = budget
        self.tasks: list[asyncio.Task[Any]] = []

    async def begin(self, key: str, arrived: int = 0) -> Refusal | None:
        """None: it is waited for."""
        lease = Lease(self.budget, Payer(*key.split()))
        task = asyncio.create_task(read_body(stalled(arrived), LIMIT, lease, here=False))
        for _ in range(3):
            await asyncio.sleep(0)
        if task.done():
            lease.give_back()
            refusal = task.result()
            assert isinstance(refusal, Refusal)
            assert refusal.retry_after_ms
            return refusal
        self.tasks.append(task)
        return None

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()


@pytest.mark.anyio
async def test_one_key_leaves_others_their_part_of_the_bodies_that_are_waited_for():
    uploads = Uploads(BodyBudget(LIMIT))
    for _ in range(MOST_UNFINISHED // 2):
        assert await uploads.begin("a") is None
    refusal = await uploads.begin("a")
    assert refusal and refusal.reason == "too_many_uploads"
    for number in range(MOST_UNFINISHED // 2):
        assert await uploads.begin(f"b{number}") is None
    refusal = await uploads.begin("c")
    assert refusal and refusal.reason == "uploads_full"
    await uploads.end()
    assert await uploads.begin("a") is None
    await uploads.end()


@pytest.mark.anyio
async def test_one_visitor_leaves_others_their_part_and_all_of_a_key_leave_other_keys_theirs():
    uploads, refusal = Uploads(BodyBudget(LIMIT)), None
    for name in ("greedy", "another"):
        for _ in range(MOST_UNFINISHED // 4):
            assert await uploads.begin(f"site {name}") is None
        refusal = await uploads.begin(f"site {name}")
        assert refusal and refusal.reason == "too_many_uploads"
    for payer in ("site third", "site"):
        refusal = await uploads.begin(payer)
        assert refusal and refusal.reason == "too_many_uploads"
    for _ in range(MOST_UNFINISHED // 2):
        assert await uploads.begin("other") is None
    await uploads.end()
    assert await uploads.begin("site greedy") is None
    await uploads.end()


@pytest.mark.anyio
async def test_one_key_leaves_others_their_part_of_the_memory():
    budget = BodyBudget(1)
    uploads, size = Uploads(budget), LEAST // 8
    for key in "aaaabbbb":
        assert await uploads.begin(key, arrived=size) is None
    refusal = await uploads.begin("a", arrived=size)
    assert refusal and refusal.reason == "too_many_uploads"
    refusal = await uploads.begin("c", arrived=size)
    assert refusal and refusal.reason == "uploads_full"
    assert await uploads.begin("c", arrived=body.LITTLE) is None  # a small one always fits
    await uploads.end()
    assert budget.bytes == LEAST  # as long as their requests run


def test_what_a_body_took_is_given_back_once():
    budget = BodyBudget(1)
    one, other = Lease(budget, Payer("a")), Lease(budget, Payer("a"))
    assert one.hold(10) is None
    assert one.hold(30) is None
    assert one.hold(20) is None
    assert other.hold(5) is None
    for _ in range(2):
        one.give_back()
    assert budget.bytes == 5
    assert other.hold(LEAST) is not None
    assert budget.bytes == 5


def test_a_body_of_the_largest_size_fits_twice():
    budget = BodyBudget(LEAST)
    assert Lease(budget, Payer("a")).hold(LEAST) is None
    assert Lease(budget, Payer("a")).hold(LEAST) is None
