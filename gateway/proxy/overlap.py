"""Let the model begin while the store still decides: its round trip then costs no time.

Not a byte of the answer leaves before the store's yes; a no cancels what was begun.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.core.errors import Refusal
from gateway.proxy.inflight import InFlight
from gateway.stores import Verdict


async def overlapped(
    in_flight: InFlight,
    asking: asyncio.Task[Verdict | Refusal],
    serve: Callable[[], Coroutine[Any, Any, Refusal | None]],
) -> Refusal | None:
    """Serve for the expected verdict. `serve` waits for `running.permitted` before it answers."""
    ahead = asyncio.create_task(serve())
    try:
        verdict = await asyncio.shield(asking)  # a client that leaves does not end the asking
        if isinstance(verdict, Verdict) and verdict.granted >= in_flight.verdict.granted:
            in_flight.permit(verdict)
            return await ahead
    finally:
        await _stop(ahead)
    if isinstance(verdict, Refusal):
        in_flight.withdraw(verdict)
        return verdict
    in_flight.permit(verdict)  # less was left than expected: the model may only produce that
    return await serve()


async def _stop(task: asyncio.Task[Any]) -> None:
    """End what was begun: the model stops when its connection is closed."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # whatever it is, its request has ended otherwise
