"""Many requests in flight are looked after without keeping any of them waiting."""

import asyncio
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from gateway.proxy.background import AT_ONCE, look_after_requests

pytestmark = pytest.mark.anyio


def begun(checkpoint: Callable[[], None]) -> Any:
    """A request in flight; the checkpoint is what is done when it is looked after."""
    exchange = SimpleNamespace(
        id=uuid4(), last_sent=1e12, give_up_if_stuck=lambda now, others_wait: None
    )
    return SimpleNamespace(exchange=exchange, forwarded=True, checkpoint=checkpoint, ticket=None)


async def test_what_comes_meanwhile_has_its_turn_between_a_few_of_them():
    looked: list[int] = []
    made = [begun(partial(looked.append, number)) for number in range(10 * AT_ONCE)]
    in_flight = {one.exchange.id: one for one in made}
    looking = asyncio.create_task(look_after_requests(in_flight, {}, silence=0.004))
    most = before = 0
    while len(looked) < len(in_flight):
        await asyncio.sleep(0)  # the turn of somebody else
        most, before = max(most, len(looked) - before), len(looked)
    looking.cancel()
    assert looked[: len(in_flight)] == list(range(10 * AT_ONCE))
    assert most <= AT_ONCE


async def test_one_that_ends_meanwhile_is_not_looked_after():
    looked: list[int] = []

    def others_end(number: int) -> None:
        looked.append(number)
        for other in made[:number] + made[number + 1 :]:
            in_flight.pop(other.exchange.id, None)

    made = [begun(partial(others_end, number)) for number in range(3)]
    in_flight = {one.exchange.id: one for one in made}
    looking = asyncio.create_task(look_after_requests(in_flight, {}, silence=0.004))
    while not looked:
        await asyncio.sleep(0)
    looking.cancel()
    assert set(looked) == {0}
