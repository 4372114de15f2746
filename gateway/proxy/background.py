"""What happens by the clock: heartbeats, checkpoints, renewal of holds, housekeeping."""

import asyncio
import logging
import time

from gateway.http.exchange import Exchange
from gateway.proxy.inflight import InFlight
from gateway.proxy.pipeline import Gateway
from gateway.stores import StoreUnavailable

SWEEP_SECONDS = 60.0
DAY = 24 * 3600.0
HOUR = 3600.0
_log = logging.getLogger("localllm")


async def beat(gateway: Gateway) -> None:
    """Once a second or oftener, for each running request: write down how far it has come, and
    show its client a sign of life when it has seen nothing for HEARTBEAT_SECONDS."""
    silence = gateway.settings.heartbeat_seconds
    while True:
        await asyncio.sleep(min(1.0, silence / 4))
        now = time.monotonic()
        for in_flight in list(gateway.in_flight.values()):
            try:
                _look_after(in_flight, now, silence)
            except Exception:  # one request must not end the pulse of all others
                _log.exception("request %s could not be looked after", in_flight.exchange.id)
        for exchange in list(gateway.waiting):
            if _is_quiet(exchange, now, silence):
                exchange.beat("pulling")


def _look_after(in_flight: InFlight, now: float, silence: float) -> None:
    if in_flight.meter is not None:
        in_flight.checkpoint()
    quiet = _is_quiet(in_flight.exchange, now, silence)
    if quiet and in_flight.permitted.is_set():  # a sign of life commits to an answer
        position = in_flight.ticket.position() if in_flight.ticket else 0
        in_flight.exchange.beat(f"waiting, position {position}" if position else "working")


def _is_quiet(exchange: Exchange, now: float, silence: float) -> bool:
    """Whether its client needs a sign of life. One that is as good as gone is given up here."""
    exchange.check(now)
    return now - exchange.last_sent >= silence


async def sweep(gateway: Gateway) -> None:
    """Keep the holds of running requests, release those whose gateway died."""
    while True:
        try:
            await gateway.store.sweep(list(gateway.in_flight))
        except StoreUnavailable as problem:
            _log.warning("holds are not swept: %s", problem)
        except Exception:  # nobody would notice that it ended
            _log.exception("holds are not swept")
        await asyncio.sleep(SWEEP_SECONDS)


async def keep_house(gateway: Gateway) -> None:
    """Once a day: drop old months of the log, make new ones. It also keeps a free Supabase
    project awake, which pauses after a week without a call."""
    while True:
        wait = DAY
        try:
            arguments = {"p_retention_months": gateway.settings.usage_retention_months}
            done = await gateway.store.admin("keep_house", arguments)
            if done.get("partitions_dropped") or done.get("kept_back"):
                _log.info("housekeeping: %s", done)
        except StoreUnavailable as problem:
            _log.warning("no housekeeping: %s", problem)
            wait = HOUR
        except Exception:
            _log.exception("no housekeeping")
        await asyncio.sleep(wait)
