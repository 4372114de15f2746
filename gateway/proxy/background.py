"""What happens by the clock: care for running requests, renewal of holds, housekeeping."""

import asyncio
import logging
import time
from collections.abc import Mapping
from uuid import UUID

from gateway.backends.scheduler import Ticket
from gateway.http.exchange import Exchange
from gateway.proxy.inflight import InFlight
from gateway.stores import Store, StoreUnavailable

SWEEP_SECONDS = 60.0
AT_ONCE = 4  # requests that are looked after at a stretch: some 0.1 ms
DAY = 24 * 3600.0
HOUR = 3600.0
_log = logging.getLogger("localllm")


async def look_after_requests(
    in_flight: Mapping[UUID, InFlight], watching: Mapping[Exchange, str], silence: float
) -> None:
    """Once a second or oftener, for each request in flight: write down how far it has come, give up
    a client that takes nothing any more, and send a heartbeat to one that has seen nothing for
    `silence` seconds. `watching`: other answers that go on, and what their heartbeats say."""
    while True:
        await asyncio.sleep(min(1.0, silence / 4))
        for number, one in enumerate(list(in_flight.values())):
            if number % AT_ONCE == 0:
                # Others have their turn: else each chunk waits while 500 streams are looked after.
                await asyncio.sleep(0)
            if one.exchange.id not in in_flight:
                continue
            try:
                _look_after(one, time.monotonic(), silence)
            except Exception:  # one request must not end the care for all others
                _log.exception("request %s could not be looked after", one.exchange.id)
        now = time.monotonic()
        for exchange, note in list(watching.items()):
            exchange.give_up_if_stuck(now)
            if _is_silent(exchange, now, silence):
                exchange.beat(note)


def _look_after(in_flight: InFlight, now: float, silence: float) -> None:
    if in_flight.forwarded:
        in_flight.checkpoint()
    ticket = in_flight.ticket
    exchange = in_flight.exchange
    exchange.give_up_if_stuck(now, others_wait=ticket is not None and ticket.is_wanted())
    # A heartbeat commits to an answer.
    if _is_silent(exchange, now, silence) and in_flight.permitted.is_set():
        exchange.beat(_words(ticket) if ticket else "working")


def _words(ticket: Ticket) -> str:
    """What a client is told that waits."""
    position = ticket.position()
    if not position:
        return "working"
    seconds = ticket.seconds_left()
    about = f", about {max(1, round(seconds))} s" if seconds is not None else ""
    return f"waiting, position {position}{about}"


def _is_silent(exchange: Exchange, now: float, silence: float) -> bool:
    """Whether its client needs a heartbeat."""
    return now - exchange.last_sent >= silence


async def sweep_holds(store: Store, in_flight: Mapping[UUID, InFlight]) -> None:
    """Renew the holds of requests in flight, and release those whose gateway died."""
    while True:
        try:
            await store.sweep(list(in_flight))
        except StoreUnavailable as problem:
            _log.warning("holds are not swept: %s", problem)
        except Exception:  # nobody would notice that it ended
            _log.exception("holds are not swept")
        await asyncio.sleep(SWEEP_SECONDS)


async def keep_house(store: Store, retention_months: int) -> None:
    """Once a day: drop old months of the log, make new ones. It also keeps a free Supabase
    project awake, which pauses after a week without a call."""
    while True:
        wait = DAY
        try:
            done = await store.admin("keep_house", {"p_retention_months": retention_months})
            if done.get("partitions_dropped") or done.get("kept_back"):
                _log.info("housekeeping: %s", done)
        except StoreUnavailable as problem:
            _log.warning("no housekeeping: %s", problem)
            wait = HOUR
        except Exception:
            _log.exception("no housekeeping")
        await asyncio.sleep(wait)
