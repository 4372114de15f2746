"""What happens by the clock: heartbeats, checkpoints, renewal of holds, housekeeping."""

import asyncio
import logging
import time

from gateway.http.exchange import Call
from gateway.proxy.inflight import Running
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
        for running in list(gateway.running.values()):
            try:
                _look_after(running, now, silence)
            except Exception:  # one request must not end the pulse of all others
                _log.exception("request %s could not be looked after", running.call.id)
        for call in list(gateway.waiting):
            if _is_quiet(call, now, silence):
                call.beat("pulling")


def _look_after(running: Running, now: float, silence: float) -> None:
    if running.meter is not None:
        running.checkpoint()
    quiet = _is_quiet(running.call, now, silence)
    if quiet and running.permitted.is_set():  # a sign of life commits to an answer
        position = running.place.position() if running.place else 0
        running.call.beat(f"waiting, position {position}" if position else "working")


def _is_quiet(call: Call, now: float, silence: float) -> bool:
    """Whether its client needs a sign of life. One that is as good as gone is given up here."""
    call.check(now)
    return now - call.last_sent >= silence


async def sweep(gateway: Gateway) -> None:
    """Keep the holds of running requests, release those whose gateway died."""
    while True:
        try:
            await gateway.store.sweep(list(gateway.running))
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
