"""The demo model from the gateway's side: a child process that serves OpenAI's API on loopback.

The child ends when its standard input does, so it never outlives the gateway, however that ends.
"""

import asyncio
import json
import os
import secrets
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config.extras import DEMO
from gateway.demo.model_file import ModelFileError, assemble
from gateway.embedded.problems import explain
from tunnel import private_files

MODEL = "gemma3:270m"
_START_SECONDS = 180.0
_STOP_SECONDS = 5.0
_LOG_BYTES = 1_000_000
# The child does not get the rest of the environment, which contains secrets.
_KEPT_VARIABLES = {"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP"}


class DemoError(Exception):
    """The demo model cannot run; the text is one line that says what to do."""


@dataclass(frozen=True)
class Endpoint:
    """The model's address, and the headers that each request needs."""

    base_url: str
    headers: dict[str, str] = field(repr=False)


class DemoModel:
    """One model in one child process."""

    def __init__(self) -> None:
        self._data_dir: Path | None = None
        self._child: Process | None = None

    async def start(
        self,
        data_dir: Path,
        report: Callable[[str], None],
        progress: Callable[[float], None],
    ) -> Endpoint:
        """Join the model's file if necessary, then serve it. `progress` is called in a thread."""
        if not DEMO.is_installed():
            raise DemoError("The demo model is not installed: start Ollama, or run `localllm up`.")
        self._data_dir = data_dir
        report("Preparing the demo model.")
        try:
            model = await asyncio.to_thread(assemble, data_dir, progress)
        except ModelFileError as problem:
            raise DemoError(str(problem)) from None
        return await self._launch(model, data_dir / "demo.log")

    async def restart(self) -> Endpoint:
        """Serve the model again, at another address, after the child has died."""
        if self._data_dir is None:
            raise DemoError("The demo model has not been started yet.")
        await self.stop()
        return await self.start(self._data_dir, _silent, _silent)

    @property
    def returncode(self) -> int | None:
        """None while the child runs."""
        return None if self._child is None else self._child.returncode

    async def wait(self) -> int:
        """Wait until the child has ended; its exit code."""
        return 0 if self._child is None else await self._child.wait()

    async def stop(self) -> None:
        child, self._child = self._child, None
        if child is None or child.returncode is not None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            await asyncio.wait_for(child.wait(), _STOP_SECONDS)
        except TimeoutError:
            child.kill()
            await child.wait()

    async def _launch(self, model: Path, log: Path) -> Endpoint:
        key = secrets.token_urlsafe(32)
        kept = {name: text for name, text in os.environ.items() if name.upper() in _KEPT_VARIABLES}
        try:
            with private_files.append(log) as output:
                if output.tell() > _LOG_BYTES:
                    output.truncate(0)
                self._child = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "gateway.demo"),
                    env=kept,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=output,
                    start_new_session=True,  # so that Ctrl-C in the terminal does not reach it
                )
        except OSError as problem:
            raise DemoError(explain(problem, log)) from None
        try:
            order = {"model": str(model), "alias": MODEL, "key": key}
            url = await asyncio.wait_for(_ask(self._child, order), _START_SECONDS)
        except TimeoutError:
            url = ""
        except BaseException:
            await self.stop()
            raise
        if not url:
            await self.stop()
            raise DemoError(f"The demo model did not start: see {log}, or start Ollama instead.")
        return Endpoint(url, {"Authorization": f"Bearer {key}"})


async def _ask(child: Process, order: dict[str, str]) -> str:
    """Tell the child what to serve, and return its address, or "" if it has died."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(order).encode() + b"\n")
    return (await child.stdout.readline()).decode().strip()


def _silent(_: object) -> None:
    pass
