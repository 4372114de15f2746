"""An unmodified client of npm in a process of Node.js: clients/NAME.mjs, one command a line."""

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import msgspec

from tests.support.gateway_process import PATIENCE
from tests.support.node import NODE, packages
from tests.support.paths import ROOT

CLIENTS = ("openai", "anthropic", "ollama", "ai_sdk", "langchain")
SCRIPTS = Path(__file__).parent / "clients"
MANIFEST = ROOT / "examples" / "node"  # the clients that examples name
ASKED = {"model": "fake:latest", "messages": [{"role": "user", "content": "Say hello."}]}


class Problem(msgspec.Struct, frozen=True):
    """What the client threw."""

    name: str  # of its class
    status: int | None
    code: str | int | None
    type: str | None
    message: str


class Result(msgspec.Struct, frozen=True):
    """What the client has made of an answer. `requests`: how many it sent."""

    text: list[str]
    requests: int
    warnings: list[str]
    calls: list[dict[str, Any]] = []
    usage: tuple[int, int] | None = None
    vectors: list[list[float]] = []
    error: Problem | None = None

    @property
    def problem(self) -> Problem:
        assert self.error is not None, self
        return self.error


def copied(folder: Path) -> Path:
    """The scripts beside the packages that they import."""
    (folder / "node_modules").symlink_to(packages(MANIFEST))
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


class NodeClient:
    """One of CLIENTS. Commands are those of clients/driver.mjs."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.broken = False
        self._process = subprocess.Popen(
            [NODE, folder / f"{name}.mjs"],
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, url: str, key: str, **command: Any) -> None:
        assert self._process.stdin is not None
        self.broken = True  # until it has answered
        self._process.stdin.write(json.dumps({**ASKED, "url": url, "key": key, **command}) + "\n")
        self._process.stdin.flush()

    def line(self) -> Any:
        """The next one that it says."""
        assert self._process.stdout is not None
        patience = threading.Timer(PATIENCE, self._process.kill)
        patience.start()
        line = self._process.stdout.readline()
        patience.cancel()
        assert line, f"{self.name} said nothing and ended"
        return json.loads(line)

    def end(self) -> Result:
        result = msgspec.convert(self.line(), Result)
        self.broken = False
        return result

    def ask(self, url: str, key: str, **command: Any) -> Result:
        """One command from its beginning to its end."""
        self.begin(url, key, **command)
        return self.end()

    def close(self) -> None:
        """It ends by itself when nothing more comes."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
