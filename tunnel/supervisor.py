"""Keep one tunnel running: restart cloudflared when it ends, leave it alone while it reconnects."""

import asyncio
import contextlib
import logging
import os
import socket
import time
from pathlib import Path

from msgspec.structs import replace

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

USAGE_ERROR = 255  # cloudflared's exit code for errors that another start would not mend
CRASH_LOOP = 3  # failures in a row that are logged as errors
IDLE_CHECK_INTERVAL = 0.2  # seconds between two checks whether requests are still open
IDLE_CHECKS = 3  # in a row that find none, before cloudflared is ended
EXTRA_SECONDS = 5.0  # for cloudflared to end by itself after the grace
log = logging.getLogger("localllm.tunnel")


class Tunnel:
    """The supervisor of one tunnel; `run` is called once. `grace`: seconds for open answers to end.

    `status` is current at any seconds, and is written to the status file at each change.
    """

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
        self._last_hostname = ""
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
        except PermanentError as problem:  # told by `tunnel status` and `doctor` from now on
            self.update(state="failed", connections=0, cloudflared_pid=0, problem=str(problem))
            raise
        finally:
            if self.status.state != "failed":
                status_file.remove(self._folder)
            lock.release()

    async def url(self) -> str:
        """The public address, once requests can come through it."""
        await self._public.wait()
        return f"https://{self.status.hostname}"

    async def stop(self) -> None:
        """Take no new requests, let open ones end within the grace, end cloudflared, return."""
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
        """Cut open answers: a `stop` that is waiting for them goes on at once."""
        self._cut.set()

    def update(self, **changes: object) -> None:
        """Change fields of the status, and publish it."""
        if changes.get("state", self.status.state) != self.status.state:
            changes["since"] = time.time()
        self.status = replace(self.status, **changes)  # type: ignore[arg-type]  # names are our own
        with contextlib.suppress(OSError):  # a full disk does not end the tunnel
            status_file.write(self._folder, self.status)
        hostname = self.status.hostname
        if self.status.state == "connected" and hostname:
            if self._last_hostname and self._last_hostname != hostname:
                log.warning("The tunnel has another address now: https://%s", hostname)
            self._last_hostname = hostname
            self._public.set()

    async def _keep_running(self) -> None:
        failures = 0
        logged: dict[str, float] = {}
        until = ""
        while not self._stopping.is_set():
            log_reader = LogReader(
                _log_event, logged, trial=self._plan.kind == "quick", until=until
            )
            monitor = ConnectionMonitor(self._plan, log_reader, self.update, log)
            code = await self._run_once(log_reader, monitor)
            until = log_reader.connected_until()
            if self._stopping.is_set():
                return
            permanent = log_reader.problem is not None and log_reader.problem.permanent
            if code == USAGE_ERROR or permanent:
                raise PermanentError(log_reader.why())
            failures = 1 if monitor.steady else failures + 1
            at_once = failures == 1 and _port_was_taken(log_reader)
            seconds = 0.0 if at_once else delay(failures, self._plan.kind)
            _log_end(code, failures, log_reader, seconds)
            self._public.clear()
            self.update(
                state="restarting",
                connections=0,
                cloudflared_pid=0,
                problem=log_reader.why(),
                hostname=self._plan.hostname,  # of a trial tunnel the name ends with the program
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _run_once(self, log_reader: LogReader, monitor: ConnectionMonitor) -> int:
        """Run cloudflared until it ends; return its exit code."""
        port = free_port()
        child = await Child.start(self._program.path, self._plan.arguments(port, self._grace))
        if self._stopping.is_set():  # `stop` was called meanwhile, and had no child to end
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
                monitoring = asyncio.create_task(_end_if_hopeless(child, monitor, self._probe))
                try:
                    return await child.read_lines(log_reader.take)
                finally:
                    monitoring.cancel()
                    await asyncio.wait([monitoring])
        finally:
            await child.kill()
            self._child = None

    async def _wait_until_idle(self, child: Child) -> None:
        """Wait until cloudflared has ended, carries no request any more, or `cut` was called.

        Connected by UDP it would itself wait for the whole grace, even without a request.
        """
        idle = 0
        while not child.ended and not self._cut.is_set() and idle < IDLE_CHECKS:
            busy = await self._probe.busy() if self._probe is not None else None
            idle = idle + 1 if busy == 0 else 0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._cut.wait(), IDLE_CHECK_INTERVAL)


async def _end_if_hopeless(child: Child, monitor: ConnectionMonitor, probe: Probe) -> None:
    await monitor.run(probe)
    await child.kill()


def free_port() -> int:
    """A TCP port of loopback that no process uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _port_was_taken(log_reader: LogReader) -> bool:
    """Whether another program took the metrics port first; the next start uses another port."""
    return log_reader.problem is not None and log_reader.problem.name == "port"


def _log_end(code: int, failures: int, log_reader: LogReader, seconds: float) -> None:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    again = f"It starts again in {seconds:.0f} s." if seconds else "It starts again."
    if failures < CRASH_LOOP:
        log.warning("cloudflared %s: %s %s", how, log_reader.why(), again)
    else:
        log.error(
            "cloudflared %s, %d times in a row: %s %s", how, failures, log_reader.why(), again
        )


def _log_event(is_warning: bool, text: str) -> None:
    log.log(logging.WARNING if is_warning else logging.INFO, "Tunnel: %s", text)
