"""Many requests in flight are looked after without keeping any of them waiting."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from gateway.proxy.background import AT_ONCE, look_after_requests

pytestmark = pytest.mark.anyio


async def test_what_comes_meanwhile_has_its_turn_between_a_few_of_them():
    looked: list[int] = []

    def one(number: int) -> Any:
        exchange = SimpleNamespace(
            id=uuid4(), last_sent=1e12, give_up_if_stuck=lambda now, others_wait: None
        )
        return SimpleNamespace(
            exchange=exchange,
            forwarded=True,
            checkpoint=lambda: looked.append(number),
            ticket=None,
        )

    in_flight = {made.exchange.id: made for made in map(one, range(10 * AT_ONCE))}
    looking = asyncio.create_task(look_after_requests(in_flight, {}, silence=0.004))
    most = before = 0
    while len(looked) < len(in_flight):
        await asyncio.sleep(0)  # the turn of somebody else
        most, before = max(most, len(looked) - before), len(looked)
    looking.cancel()
    assert looked[: len(in_flight)] == list(range(10 * AT_ONCE))
    assert most <= AT_ONCE


async def test_one_that_ends_meanwhile_is_not_looked_after():
    looked: list[Any] = []

    def one() -> Any:
        made = SimpleNamespace(exchange=SimpleNamespace(id=uuid4()), ticket=None, forwarded=True)
        made.exchange.give_up_if_stuck = lambda now, others_wait: None
        made.exchange.last_sent = 1e12

        def checkpoint() -> None:
            looked.append(made)
            for other in list(in_flight.values()):  # all others end
                if other is not made:
                    del in_flight[other.exchange.id]

        made.checkpoint = checkpoint
        return made

    in_flight: dict[Any, Any] = {}
    for made in (one() for _ in range(3)):
        in_flight[made.exchange.id] = made
    first = next(iter(in_flight.values()))
    looking = asyncio.create_task(look_after_requests(in_flight, {}, silence=0.004))
    while not looked:
        await asyncio.sleep(0)
    looking.cancel()
    assert set(map(id, looked)) == {id(first)}
