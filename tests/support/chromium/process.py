"""One Chromium process for all tests of a worker. Each test file has a connection of its own to it,
and each window a profile of its own."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 180.0  # seconds: on a busy machine a browser takes long to do what it is told
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"),
)
_ADDRESS = re.compile(r"DevTools listening on (ws://\S+)")


class Process:
    """A browser that is started when it is first asked for, and again when it has ended."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None
        self._profile: Path
        self._last_words = ""

    def address(self, program: str) -> str:
        """Where it is steered. RuntimeError: it ended before it said so."""
        if self._running is None or self._running.poll() is not None:
            self.end()
            self._start(program)
        assert self._running is not None
        deadline = time.monotonic() + PATIENCE
        while not (found := _ADDRESS.search(self._output())):
            if self._running.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the browser did not start; it said: {self.said()}")
            time.sleep(0.01)  # a look at what another process does, no timing
        return found[1]

    def said(self) -> str:
        """The end of what it wrote to its standard error, also after its end."""
        if self._running is None:
            return self._last_words
        return self._output()[-2000:]

    def end(self) -> None:
        if self._running is None:
            return
        self._running.terminate()
        try:
            self._running.wait(30)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
        self._last_words = self.said()
        self._running = None
        shutil.rmtree(self._profile, ignore_errors=True)

    def _output(self) -> str:
        return (self._profile / "said").read_text(errors="replace")

    def _start(self, program: str) -> None:
        self._profile = Path(tempfile.mkdtemp(prefix="localllm-browser-"))
        with (self._profile / "said").open("wb") as said:
            self._running = subprocess.Popen(
                [program, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={"PATH": os.environ["PATH"], "HOME": str(self._profile)},
            )


@pytest.fixture(scope="session")
def chromium_process() -> Iterator[Process]:
    process = Process()
    yield process
    process.end()
