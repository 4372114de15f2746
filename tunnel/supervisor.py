"""Keep one tunnel running: started again when cloudflared ends, left alone while it reconnects."""

import asyncio
import contextlib
import logging
import os
import socket
import time
from dataclasses import replace
from pathlib import Path

from tunnel import private_files, status_file
from tunnel.backoff import delay
from tunnel.child import Child
from tunnel.connection_monitor import ConnectionMonitor
from tunnel.errors import PermanentError, TunnelError, explained
from tunnel.locks import try_lock
from tunnel.log_reader import LogReader
from tunnel.orphan import kill_orphan
from tunnel.plan import Plan
from tunnel.probe import Probe
from tunnel.program import Program
from tunnel.status_file import TunnelStatus

USAGE_ERROR = 255  # cloudflared's exit code for what another start would not mend
CRASH_LOOP = 3  # ends in a row that are more than bad luck
IDLE_CHECK_INTERVAL = 0.2  # seconds between two looks whether the last request has ended
IDLE_CHECKS = 3
EXTRA_SECONDS = 5.0  # seconds beyond the grace
log = logging.getLogger("localllm.tunnel")


class Tunnel:
    """`status` is what is known of it now. Run it once."""

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
        own = os.getpid()
        self.status = TunnelStatus(
            *("starting", time.time(), plan.kind, plan.hostname, 0, "", program.version),
            *(own, status_file.start_time(own)),
        )

    async def run(self) -> None:
        """Return after `stop`. Raises PermanentError where another start would not help,
        TunnelError where another process runs the tunnel of this folder."""
        with explained(self._folder):
            private_files.private_folder(self._folder)
        lock = try_lock(self._folder / "running.lock")
        if lock is None:
            other = status_file.current(self._folder)
            who = f" (process {other.supervisor_pid})" if other else ""
            raise TunnelError(f"Another localllm runs the tunnel already{who}: stop it first.")
        try:
            if await asyncio.to_thread(kill_orphan, self._folder):
                log.warning("Ended a cloudflared that an earlier localllm had left behind.")
            await self._keep_running()
        finally:
            status_file.remove(self._folder)
            lock.release()

    async def url(self) -> str:
        """The public address, as soon as requests can come through it."""
        await self._public.wait()
        return f"https://{self.status.hostname}"

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
        self.update(state="stopping")
        child.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wait_until_idle(child), self._grace + EXTRA_SECONDS)
        await child.kill()

    def cut(self) -> None:
        """Let `stop` wait no longer."""
        self._cut.set()

    def update(self, **changes: object) -> None:
        """Change what is known of it, for others to read."""
        now = self.status
        if changes.get("state", now.state) != now.state:
            changes["since"] = time.time()
        self.status = now = replace(now, **changes)  # type: ignore[arg-type]  # names are our own
        with contextlib.suppress(OSError):  # a full disk does not end a tunnel
            status_file.write(self._folder, now)
        if now.state == "connected" and now.hostname:
            if self._known_as and self._known_as != now.hostname:
                log.warning("The tunnel has another address now: https://%s", now.hostname)
            self._known_as = now.hostname
            self._public.set()

    async def _keep_running(self) -> None:
        failures = 0
        told: dict[str, float] = {}
        while not self._stopping.is_set():
            log_reader = LogReader(_log_event, told)
            monitor = ConnectionMonitor(self._plan, log_reader, self.update, log)
            code = await self._run_once(log_reader, monitor)
            if self._stopping.is_set():
                return
            lasting = log_reader.problem is not None and log_reader.problem.lasting
            if code == USAGE_ERROR or lasting:
                raise PermanentError(log_reader.why())
            failures = 1 if monitor.steady else failures + 1
            moment = (
                0.0 if _port_was_taken(log_reader, failures) else delay(failures, self._plan.kind)
            )
            _log_end(code, failures, log_reader, moment)
            self._public.clear()
            self.update(
                state="restarting",
                connections=0,
                cloudflared_pid=0,
                problem=log_reader.why(),
                hostname=self._plan.hostname,  # of a trial tunnel the name ends with the program
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), moment)

    async def _run_once(self, log_reader: LogReader, monitor: ConnectionMonitor) -> int:
        """One life of cloudflared; its exit code."""
        port = free_port()
        child = await Child.start(self._program.path, self._plan.arguments(port, self._grace))
        if self._stopping.is_set():  # meanwhile; `stop` did not see it
            await child.kill()
            return 0
        self._child = child
        self.update(
            state="starting",
            cloudflared_pid=child.pid,
            cloudflared_started=status_file.start_time(child.pid),
            metrics_port=port,
        )
        try:
            async with Probe(port) as self._probe:
                monitoring = asyncio.create_task(monitor.run(self._probe))
                try:
                    return await child.read_lines(log_reader.take)
                finally:
                    monitoring.cancel()
                    await asyncio.wait([monitoring])
        finally:
            await child.kill()
            self._child = None

    async def _wait_until_idle(self, child: Child) -> None:
        """Wait until it has ended, or nothing is left in it, or `cut` was called.

        By itself it would wait for the whole grace where it is connected by UDP.
        """
        idle = 0
        while not child.ended and not self._cut.is_set() and idle < IDLE_CHECKS:
            busy = await self._probe.busy() if self._probe is not None else None
            idle = idle + 1 if busy == 0 else 0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._cut.wait(), IDLE_CHECK_INTERVAL)


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _port_was_taken(log_reader: LogReader, failures: int) -> bool:
    """Between our choice and its start: the next start gets another port at once."""
    return failures == 1 and log_reader.problem is not None and log_reader.problem.name == "port"


def _log_end(code: int, failures: int, log_reader: LogReader, moment: float) -> None:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    again = f"It starts again in {moment:.0f} s." if moment else "It starts again."
    if failures < CRASH_LOOP:
        log.warning("cloudflared %s: %s %s", how, log_reader.why(), again)
    else:
        log.error(
            "cloudflared %s, %d times in a row: %s %s", how, failures, log_reader.why(), again
        )


def _log_event(trouble: bool, text: str) -> None:
    log.log(logging.WARNING if trouble else logging.INFO, "Tunnel: %s", text)
