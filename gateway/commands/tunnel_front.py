"""The tunnel of `localllm up --tunnel`: opened once the gateway answers, stopped before it."""

import asyncio
import logging
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gateway.commands import tunnel_parts as parts
from gateway.config.settings import Settings

if TYPE_CHECKING:
    from tunnel.supervisor import Tunnel

_log = logging.getLogger("localllm.tunnel")


class TunnelFront:
    """A tunnel in front of the gateway. Whatever happens to it, the gateway keeps running."""

    def __init__(self, tunnel: "Tunnel", kind: str) -> None:
        self.kind = kind  # quick | named
        self._tunnel = tunnel
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def prepared(cls, settings: Settings) -> Self:
        """The tunnel that is set up, else a trial one. What it needs is installed, or reported as
        missing, before anything else starts."""
        plan = parts.plan(settings, quick=not parts.is_set_up(settings))
        program = await parts.program(settings)
        return cls(parts.tunnel(settings, program, plan), plan.kind)

    def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    @property
    def is_trying(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def problem(self) -> str:
        """What keeps it from opening; empty where nothing is known."""
        return self._tunnel.status.problem

    async def url(self, seconds: float | None = None) -> str | None:
        """The public address; None if there is none in time, or never will be."""
        if self._task is None:
            return None
        opened = asyncio.create_task(self._tunnel.url())
        await asyncio.wait(
            [opened, self._task], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if opened.done():
            return opened.result()
        opened.cancel()
        return None

    async def stop(self) -> None:
        """Take no new requests, and give running answers their grace period."""
        if self._task is not None:
            await self._tunnel.stop()
            await self._task

    def cut(self) -> None:
        self._tunnel.cut()

    async def _run(self) -> None:
        from tunnel.errors import TunnelError

        try:
            await self._tunnel.run()
        except TunnelError as problem:
            _log.error("There is no tunnel: %s", problem)
        except Exception as problem:  # unforeseen: report it, and let the gateway go on
            reason = f"{type(problem).__name__}: {problem}"
            _log.error("There is no tunnel: %s", reason, exc_info=_log.isEnabledFor(logging.DEBUG))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
