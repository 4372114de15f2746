"""Overlapped authorisation: the model begins while the store still decides.

The store's round trip then costs no time. Not a byte of the answer leaves before its yes; a no
cancels what was begun.
"""

import asyncio
from typing import Any

from gateway.backends.pool import BackendPool
from gateway.backends.scheduler import Scheduler
from gateway.core.errors import Refusal
from gateway.proxy.forward import forward
from gateway.proxy.inflight import InFlight
from gateway.stores import Verdict


async def forward_meanwhile(
    in_flight: InFlight, scheduler: Scheduler, pool: BackendPool
) -> Refusal | None:
    """Forward for the verdict that is expected, until the store's own is there."""
    authorising = in_flight.authorising
    assert authorising is not None
    ahead = asyncio.create_task(forward(in_flight, scheduler, pool))
    try:
        verdict = await asyncio.shield(authorising)  # goes on when the client leaves
        if isinstance(verdict, Verdict) and verdict.granted >= in_flight.verdict.granted:
            in_flight.permit(verdict)
            return await ahead
    finally:
        await _stop(ahead)
    if isinstance(verdict, Refusal):
        in_flight.withdraw(verdict)
        return verdict
    in_flight.permit(verdict)  # less was left than expected: the model may only produce that
    return await forward(in_flight, scheduler, pool)


async def _stop(task: asyncio.Task[Any]) -> None:
    """End what was begun: the model stops when its connection is closed."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # whatever it is, its request has ended otherwise
