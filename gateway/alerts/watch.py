"""Once a minute: what is seen goes to the store, and what the store says is new to the owner."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import msgspec

from gateway.alerts import Alert, Delivery, Seen
from gateway.alerts.channels import Channel
from gateway.alerts.local import Local
from gateway.alerts.observer import Observer
from gateway.config.extras import ExtraError
from gateway.stores import Store, StoreUnavailable

EVERY = 60.0  # seconds
_MANY = 5  # deliveries that the store gives at once (claim_deliveries): there may be more
_log = logging.getLogger("localllm.alerts")


class _Answer(msgspec.Struct):
    time: datetime
    deliveries: list[Delivery]


class AlertWatch:
    """Of one gateway."""

    def __init__(
        self, store: Store, observer: Observer, local: Local, channels: Sequence[Channel]
    ) -> None:
        self._store = store
        self._observer = observer
        self._local = local
        self._channels = {one.name: one for one in channels}
        self._id = uuid4()
        self._attempts: list[dict[str, str | None]] = []  # which the store does not know of yet

    async def run(self, install: Callable[[], Awaitable[None]]) -> None:
        """`install` brings what a channel needs, while everything else runs."""
        try:
            await install()
        except ExtraError as problem:
            _log.error("%s", problem)
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.once()
            except Exception:  # nobody would notice that it ended
                _log.exception("alerts are not looked at")

    def close(self) -> None:
        self._local.close()

    async def once(self) -> None:
        seen = await self._observer.look()
        await asyncio.to_thread(self._local.open)
        try:
            began, more = monotonic(), await self._with_store(seen)
            while more == _MANY and monotonic() - began < EVERY:  # what was seen is old by now
                more = await self._with_store([])
        except StoreUnavailable as problem:
            _log.warning("alerts are not decided by the store: %s", problem)
            away = self._observer.store_away(await self._is_away())
            if away is not None and away.holds:
                await asyncio.to_thread(self._local.decide, [away, *seen])
        await self._tell_local()

    async def _is_away(self) -> bool:
        """Whether it is the store, and not only what alerts need of it."""
        try:
            await self._store.check()
        except StoreUnavailable:
            return True
        return False

    async def _with_store(self, seen: list[Seen]) -> int:
        """How many deliveries there were."""
        await self._note_attempts()
        given = msgspec.to_builtins(self._local.for_store(seen))
        now = datetime.now(UTC)
        arguments: dict[str, Any] = {
            "p_seen": given,
            "p_channels": list(self._channels),
            "p_gateway": self._id,
            "p_clock": now,
        }
        told = await self._store.admin("watch_alerts", arguments)
        answer = msgspec.convert(told, _Answer)
        self._observer.store_time, self._observer.told_at = answer.time, now
        back = self._observer.store_away(False)
        await asyncio.to_thread(self._local.noted, [*seen, *([back] if back else [])])
        problems = await self._attempt(answer.deliveries)
        self._attempts += [
            {"id": one.id, "channel": one.channel, "problem": problem}
            for one, problem in zip(answer.deliveries, problems, strict=True)
        ]
        await self._note_attempts()
        return len(answer.deliveries)

    async def _note_attempts(self) -> None:
        if self._attempts:
            arguments = {"p_attempts": self._attempts, "p_clock": datetime.now(UTC)}
            await self._store.admin("note_deliveries", arguments)
            self._attempts = []

    async def _tell_local(self) -> None:
        waiting = self._local.due()
        problems = await self._attempt(one.delivery for one in waiting)
        for one, problem in zip(waiting, problems, strict=True):
            await asyncio.to_thread(self._local.came, one, problem)

    async def _attempt(self, deliveries: Iterable[Delivery]) -> list[str | None]:
        return await asyncio.gather(*(self._send(one) for one in deliveries))

    async def _send(self, delivery: Delivery) -> str | None:
        channel = self._channels.get(delivery.channel)
        if channel is None:
            return "this channel is not set up any more"
        problem = await send(channel, delivery)
        if problem is not None:
            _log.warning("an alert was not delivered by %s: %s", channel.name, problem)
        return problem


async def send(channel: Channel, alert: Alert) -> str | None:
    """Why it was not delivered; None: it was. A channel that breaks breaks nothing else, and what
    it says of that stays unsaid: it may name the address."""
    try:
        return await channel.send(alert)
    except Exception as problem:
        return f"it failed ({type(problem).__name__})"
