"""Keep one tunnel running: started again when cloudflared ends, left alone while it reconnects."""

import asyncio
import contextlib
import logging
import os
import socket
import time
from dataclasses import replace
from pathlib import Path

from tunnel import presence, private_files
from tunnel.backoff import pause
from tunnel.child import Child
from tunnel.errors import TunnelError, Unusable
from tunnel.leftover import end_leftover
from tunnel.locks import try_lock
from tunnel.plan import Plan
from tunnel.presence import Running
from tunnel.probe import Probe
from tunnel.program import Program
from tunnel.story import Story
from tunnel.watch import Watch

WRONG_USAGE = 255  # cloudflared's exit code for what another start would not mend
LOOP = 3  # ends in a row that are more than bad luck
LOOK = 0.2  # seconds between two looks whether the last request has ended
IDLE_LOOKS = 3
LONGER = 5.0  # seconds beyond the grace
log = logging.getLogger("localllm.tunnel")


class Tunnel:
    """`running` is what is known of it now. Run it once."""

    def __init__(self, program: Program, plan: Plan, folder: Path, grace: float) -> None:
        self._program = program
        self._plan = plan
        self._folder = folder
        self._grace = grace
        self._child: Child | None = None
        self._probe: Probe | None = None
        self._stopping = asyncio.Event()
        self._cut = asyncio.Event()
        self._public = asyncio.Event()
        self._known_as = ""
        keeper = os.getpid()
        self.running = Running(
            *("starting", time.time(), plan.kind, plan.hostname, 0, "", program.version),
            *(keeper, presence.start_time(keeper)),
        )

    async def run(self) -> None:
        """Until `stop`. Unusable: it can never run like this. TunnelError: another one runs."""
        private_files.private_folder(self._folder)
        lock = try_lock(self._folder / "running.lock")
        if lock is None:
            other = presence.current(self._folder)
            who = f" (process {other.keeper})" if other else ""
            raise TunnelError(f"Another localllm runs the tunnel already{who}: stop it first.")
        try:
            if await asyncio.to_thread(end_leftover, self._folder):
                log.warning("Ended a cloudflared that an earlier localllm had left behind.")
            await self._keep_running()
        finally:
            presence.withdraw(self._folder)
            lock.release()

    async def url(self) -> str:
        """The public address, as soon as requests can come through it."""
        await self._public.wait()
        return f"https://{self.running.hostname}"

    async def stop(self) -> None:
        """No new requests; open streams may end within the grace. Back when it is gone."""
        self._stopping.set()
        child = self._child
        if child is None:
            return
        log.info(
            "Stopping the tunnel: open answers may end within %g s; stop again to cut them.",
            self._grace,
        )
        self.note(state="stopping")
        child.ask_to_end()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._emptied(child), self._grace + LONGER)
        await child.kill()

    def cut(self) -> None:
        """Let `stop` wait no longer."""
        self._cut.set()

    def note(self, **changes: object) -> None:
        """Change what is known of it, for others to read."""
        now = self.running
        if changes.get("state", now.state) != now.state:
            changes["since"] = time.time()
        self.running = now = replace(now, **changes)  # type: ignore[arg-type]  # names are our own
        with contextlib.suppress(TunnelError):  # a full disk does not end a tunnel
            presence.tell(self._folder, now)
        if now.state == "connected" and now.hostname:
            if self._known_as and self._known_as != now.hostname:
                log.warning("The tunnel has another address now: https://%s", now.hostname)
            self._known_as = now.hostname
            self._public.set()

    async def _keep_running(self) -> None:
        failures = 0
        told: dict[str, float] = {}
        while not self._stopping.is_set():
            story = Story(_say, told)
            watch = Watch(self._plan, story, self.note, log)
            code = await self._live(story, watch)
            if self._stopping.is_set():
                return
            lasting = story.problem is not None and story.problem.lasting
            if code == WRONG_USAGE or lasting:
                raise Unusable(story.why())
            failures = 1 if watch.steady else failures + 1
            moment = 0.0 if _port_was_taken(story, failures) else pause(failures, self._plan.kind)
            _tell_end(code, failures, story, moment)
            self._public.clear()
            self.note(
                state="restarting",
                connections=0,
                child=0,
                problem=story.why(),
                hostname=self._plan.hostname,  # of a trial tunnel the name ends with the program
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), moment)

    async def _live(self, story: Story, watch: Watch) -> int:
        """One life of cloudflared; its exit code."""
        port = free_port()
        child = await Child.start(self._program.path, self._plan.arguments(port, self._grace))
        if self._stopping.is_set():  # meanwhile; `stop` did not see it
            await child.kill()
            return 0
        self._child = child
        self.note(
            state="starting",
            child=child.pid,
            child_started=presence.start_time(child.pid),
            metrics_port=port,
        )
        try:
            async with Probe(port) as self._probe:
                watching = asyncio.create_task(watch.watch(self._probe))
                try:
                    return await child.tell(story.take)
                finally:
                    watching.cancel()
                    await asyncio.wait([watching])
        finally:
            await child.kill()
            self._child = None

    async def _emptied(self, child: Child) -> None:
        """Wait until it has ended, or nothing is left in it, or `cut` was called.

        By itself it would wait for the whole grace where it is connected by UDP.
        """
        idle = 0
        while not child.ended and not self._cut.is_set() and idle < IDLE_LOOKS:
            busy = await self._probe.busy() if self._probe is not None else None
            idle = idle + 1 if busy == 0 else 0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._cut.wait(), LOOK)


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _port_was_taken(story: Story, failures: int) -> bool:
    """Between our choice and its start: the next start gets another port at once."""
    return failures == 1 and story.problem is not None and story.problem.name == "port"


def _tell_end(code: int, failures: int, story: Story, moment: float) -> None:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    again = f"It starts again in {moment:.0f} s." if moment else "It starts again."
    if failures < LOOP:
        log.warning("cloudflared %s: %s %s", how, story.why(), again)
    else:
        log.error("cloudflared %s, %d times in a row: %s %s", how, failures, story.why(), again)


def _say(trouble: bool, text: str) -> None:
    log.log(logging.WARNING if trouble else logging.INFO, "Tunnel: %s", text)
