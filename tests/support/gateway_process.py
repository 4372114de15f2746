"""Run `localllm up` and the like as a person does, and see what it says and leaves behind."""

import contextlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import psutil

from tests.support.forked.process import start
from tests.support.processes import family

PATIENCE = 100.0  # seconds after which something did not happen
_SHARES = 8  # of the ports: more than there are workers
_open = build_opener(ProxyHandler({})).open


def ports_of(worker: str) -> Iterator[int]:
    """The ports of one of the processes that run tests side by side: gw0, gw1 and so on. Each comes
    again only when all others have been given. Systems give away none of them by themselves."""
    own = list(range(20_000 + int(worker[2:]) % _SHARES, 32_000, _SHARES))
    random.shuffle(own)
    return itertools.cycle(own)


_ports = ports_of(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))


def free_port() -> int:
    """A port that nobody uses. No other test is given it before it is used, or while it has to be
    closed."""
    while True:
        port = next(_ports)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def fresh_directory() -> Generator[Path]:
    """A directory that the embedded server's own user can enter, when we are root."""
    path = Path(tempfile.mkdtemp(prefix="localllm-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Running:
    """A process whose output is read line by line as it comes."""

    def __init__(self, command: list[str], environ: dict[str, str], cwd: Path) -> None:
        self.output = ""
        self._said = threading.Condition()
        self._ended = False
        reading, writing = os.pipe()
        with Path(os.devnull).open() as nothing, os.fdopen(writing) as said:
            standard = (nothing.fileno(), said.fileno(), said.fileno())
            self.process = start(command, environ, cwd, standard, session=True)
        self._lines = os.fdopen(reading, encoding="utf-8")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._lines as lines:
            for line in lines:
                with self._said:
                    self.output += line
                    self._said.notify_all()
        with self._said:
            self._ended = True
            self._said.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """What matches, as soon as it is said."""
        with self._said:
            self._said.wait_for(
                lambda: re.search(pattern, self.output) or self._ended, timeout=PATIENCE
            )
            found = re.search(pattern, self.output)
        assert found is not None, f"{pattern!r} was not said:\n{self.output}"
        return found

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal, as Ctrl-C does, and give the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE)
        self._reader.join(timeout=PATIENCE)
        return code

    def kill(self) -> None:
        """The way out of a test that failed: nothing stays behind."""
        children = family(self.process.pid)[1:]
        self.process.kill()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self.process.wait()
        psutil.wait_procs(children, PATIENCE)
        self._reader.join(timeout=PATIENCE)


def ask(
    url: str, key: str | None = None, body: object = None, timeout: float = 60
) -> tuple[int, Any]:
    """Status and JSON of an answer, whatever the status."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with _open(Request(url, data, headers), timeout=timeout) as answer:
            return answer.status, json.load(answer)
    except HTTPError as problem:
        with problem:
            return problem.code, json.load(problem)


def chat(url: str, key: str, model: str, **options: object) -> tuple[int, Any]:
    """A chat completion of a few tokens."""
    messages = [{"role": "user", "content": "Say hello."}]
    body = {"model": model, "messages": messages, "max_tokens": 8, **options}
    return ask(f"{url}/v1/chat/completions", key, body)
