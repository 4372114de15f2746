"""Starts Python programs in a tenth of the time: by a fork of one that has imported what they need.

They are processes like others: with arguments, an environment, a directory and files of their own.
Only what the system tells about them is not theirs: command line and first environment. For tests
that look at these, or at the start itself, see OWN_PYTHON.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from tests.support.certificates import ONE_AUTHORITY

# In an environment: whoever looks at command lines and environments sees the program's own.
OWN_PYTHON = {"PYTHONNOUSERSITE": "1"}
_SERVER = Path(__file__).with_name("server.py")
GATEWAY = ("gateway.*", "tunnel.*", "uvloop", "rich.table")


class Forked:
    """What subprocess.Popen is for a child of one's own: as much of it as tests use."""

    def __init__(self, status: int) -> None:
        self._status = status
        self._lock = threading.Lock()
        self.pid = self._told()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        with self._lock:
            if self.returncode is None:
                if not select.select([self._status], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
                self.returncode = self._told()
                os.close(self._status)
            return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _told(self) -> int:
        number = os.read(self._status, 4)
        assert number, "the process that forks has ended"
        return int.from_bytes(number, "little", signed=True)


class Forking:
    """The process that forks. It ends with the one that holds this."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(_SERVER), str(theirs.fileno()), *modules],
                env={"PATH": os.environ["PATH"], **ONE_AUTHORITY},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(self._end)

    def start(self, order: Mapping[str, object], standard: Sequence[int]) -> Forked:
        ours, theirs = os.pipe()
        try:
            socket.send_fds(self._orders, [json.dumps(order).encode()], [*standard, theirs])
        finally:
            os.close(theirs)
        return Forked(ours)

    def _end(self) -> None:
        self._orders.close()
        self._process.wait()


@cache
def _forking(modules: Sequence[str]) -> Forking:
    return Forking(modules)


_starting = threading.Lock()


def start(
    command: Sequence[str],
    environ: Mapping[str, str],
    directory: Path,
    standard: tuple[int, int, int],
    session: bool = False,
    modules: Sequence[str] = GATEWAY,
) -> "Forked | subprocess.Popen[bytes]":
    """Run a command; `standard` are its files 0 to 2. It is forked where this is the same to it:
    a variable that Python itself reads needs a Python of its own."""
    program, *words = command
    alike = program == sys.executable and not any(name.startswith("PYTHON") for name in environ)
    if not alike or sys.platform != "linux":
        stdin, stdout, stderr = standard
        return subprocess.Popen(
            command, env=environ, cwd=directory, stdin=stdin, stdout=stdout, stderr=stderr,
            start_new_session=session,
        )  # fmt: skip
    order = {
        "words": words,
        "environ": dict(environ),
        "directory": str(directory),
        "session": session,
    }
    with _starting:
        return _forking(modules).start(order, standard)


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    directory: Path,
    given: bytes = b"",
    timeout: float = 120,
    modules: Sequence[str] = GATEWAY,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, as subprocess.run does."""
    with contextlib.ExitStack() as stack:
        files: list[IO[bytes]] = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(given)
        files[0].seek(0)
        stdin, stdout, stderr = (file.fileno() for file in files)
        process = start(command, environ, directory, (stdin, stdout, stderr), modules=modules)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        said = []
        for file in files[1:]:
            file.seek(0)
            said.append(file.read())
        return subprocess.CompletedProcess(list(command), code, *said)


def in_text(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[str]:
    """The same with what was said as text."""
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
