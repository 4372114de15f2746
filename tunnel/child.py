"""One cloudflared as a child process: start it, read what it writes, end it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunnel.die_with_parent import KERNEL_KILLS_CHILD
from tunnel.errors import explained
from tunnel.program import environment

WRAPPER = "tunnel.die_with_parent"
_LONGEST_LINE = 1024**2
_KILL_SECONDS = 5.0
_LOOK = 0.25  # seconds between two looks whether it has ended
_LAST_WORDS = 1.0  # seconds for what an ended cloudflared has written to be read


class Child:
    """A running cloudflared. It ends when this process ends (tunnel.die_with_parent)."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._killed = False

    @classmethod
    async def start(cls, program: Path, arguments: list[str]) -> "Child":
        wrapper = (sys.executable, "-P", "-m", WRAPPER, str(os.getpid()))
        with explained(program):
            process = await asyncio.create_subprocess_exec(
                *(*wrapper, str(program), *arguments),
                env=environment(),
                stdin=PIPE,  # closes when this process ends: die_with_parent waits for that
                stdout=DEVNULL,
                stderr=PIPE,
                limit=_LONGEST_LINE,
                **_own_process_group(),
            )
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def read_lines(self, take: Callable[[bytes], object]) -> int:
        """Pass each line of stderr to `take` until cloudflared ends; return its exit code. What it
        has started may hold the pipe open for longer: its own end counts."""
        reading = asyncio.create_task(self._read(take))
        try:
            while not self.ended and not reading.done():  # `wait` of asyncio waits for the pipe too
                await asyncio.wait([reading], timeout=_LOOK)
            await asyncio.wait([reading], timeout=_LAST_WORDS)
        finally:
            reading.cancel()
            await asyncio.wait([reading])
        code = self._process.returncode
        return await self._process.wait() if code is None else code

    async def _read(self, take: Callable[[bytes], object]) -> None:
        assert self._process.stderr is not None
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:  # longer than any that it is known to write
                continue
            if not line:
                return
            take(line)

    def terminate(self) -> None:
        """The first call lets open streams end; the second ends cloudflared at once."""
        if not self.ended:
            if sys.platform == "win32":
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                self._process.terminate()

    async def kill(self) -> None:
        """End it at once, and whatever a wrapper script in its place has started."""
        if KERNEL_KILLS_CHILD and not self._killed:
            self._killed = True  # only once: later another process may have the number
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        if self.ended:
            return
        if not KERNEL_KILLS_CHILD and self._process.stdin is not None:
            self._process.stdin.close()  # die_with_parent kills cloudflared, and ends
        try:
            await asyncio.wait_for(self._process.wait(), _KILL_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _own_process_group() -> dict[str, Any]:
    """Ctrl-C in the terminal reaches this process only, which then stops cloudflared in order."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
