"""`localllm serve` on its embedded Postgres, and a key for each program, as an owner makes them."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench import processes
from tryapps.model import ALIAS, MODEL

_START = 90.0  # seconds, with a database to be made
_SETTLE = 10.0  # seconds until what was used is counted
_KEPT = ("PATH", "LANG", "TMPDIR", "SYSTEMROOT")


class GatewayError(Exception):
    """The gateway cannot be used; the text says why."""


class Gateway:
    """A running one. Its data live in `directory`, and nothing of the owner's settings is used."""

    def __init__(self, directory: Path, model: str, program: str) -> None:
        self.directory = directory
        self.program = program
        self.url = f"http://127.0.0.1:{processes.free_port()}"
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self.environment = kept | {
            "HOME": str(directory),
            "PORT": self.url.rpartition(":")[2],
            "DATA_DIR": str(directory / "data"),
            "OLLAMA_BASE_URL": model,
            "MODEL_ALIASES": f"{ALIAS}={MODEL}",
            "ADMIN_SECRET": secrets.token_urlsafe(32),
        }

    def version(self) -> str:
        return self._run("--version").split()[-1]

    def make_key(self, label: str, *options: str) -> str:
        return self._run("keys", "create", label, *options, "--key-only").strip()

    def used(self, key: str, expected: int) -> int:
        """Tokens that the key was charged; waits a little until they are those expected."""
        end = time.monotonic() + _SETTLE
        while True:
            answer = httpx.get(f"{self.url}/v1/usage", headers={"Authorization": f"Bearer {key}"})
            tokens = int(answer.json()["month"]["tokens_used"])
            if tokens == expected or time.monotonic() > end:
                return tokens
            time.sleep(0.1)

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Until it is well."""
        end = time.monotonic() + _START
        while time.monotonic() < end and process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        said = (self.directory / "gateway.log").read_text("utf-8", "replace")
        raise GatewayError(f"the gateway did not start: {said[-1000:]}")

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [self.program, *words],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            raise GatewayError(f"localllm {words[0]} failed: {done.stderr.strip()}")
        return done.stdout


@contextmanager
def gateway(directory: Path, model: str, program: str | None = None) -> Generator[Gateway]:
    """One that is well. `program`: the `localllm` of another tree."""
    here = Path(sys.executable).with_name("localllm")
    made = Gateway(directory, model, program or str(here))
    process = processes.start([made.program, "serve"], directory, made.environment, "gateway")
    try:
        made.wait(process)
        yield made
    finally:
        processes.stop(process)
