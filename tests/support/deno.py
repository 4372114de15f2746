"""A Supabase function under a real Deno."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.lacking import IN_CI
from tests.support.paths import ROOT

FUNCTIONS = ROOT / "supabase/functions"
ADMIN = FUNCTIONS / "admin"
DENO = Path(sys.executable).parent / "deno"
# The only reason not to run it: the wheel `deno` is not made for every platform.
needs_deno = pytest.mark.skipif(
    not DENO.exists() and not IN_CI, reason="there is no Deno for this platform"
)
PATIENCE = 60.0
ENVIRONMENT = (
    *("ADMIN_SECRET", "API_KEY_PREFIX", "ADMIN_CORS_ORIGINS", "DEFAULT_MONTHLY_TOKEN_LIMIT"),
    *("DEFAULT_RATE_LIMIT_PER_MIN", "SUPABASE_SECRET_KEYS", "SUPABASE_SERVICE_ROLE_KEY"),
    *("SUPABASE_URL", "TURNSTILE_SECRET", "VISITOR_USERS", "SITEVERIFY_STAND_IN"),
)


class Function:
    """A process of Deno that runs a function, and all that it has printed. `folder`: of the
    function; `entry`: what is run of it, or in place of it."""

    def __init__(
        self, environment: Mapping[str, str], folder: Path = ADMIN, entry: str | Path = "index.ts"
    ) -> None:
        self.output = ""
        self.url = ""
        self._printed = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            [
                *(DENO, "run", "--frozen", "--no-prompt", "--allow-net=127.0.0.1"),
                *(f"--allow-env={','.join(ENVIRONMENT)}", "--config=deno.json", entry),
            ],
            cwd=folder,
            env=deno_environment() | {"DENO_SERVE_ADDRESS": "tcp:127.0.0.1:0"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url = self.wait_for(r"Listening on (http://127\.0\.0\.1:[0-9]+)/")[1]
        except BaseException:
            self.stop()
            raise

    def wait_for(self, pattern: str, printed: int = 0) -> re.Match[str]:
        """Where it has printed this, behind what was `printed` before; fails if it does not."""
        wanted = re.compile(pattern)
        with self._printed:
            self._printed.wait_for(
                lambda: wanted.search(self.output, printed) or self._ended, PATIENCE
            )
        found = wanted.search(self.output, printed)
        assert found, self.output
        return found

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._print(line)
        self._print("", ended=True)

    def _print(self, text: str, ended: bool = False) -> None:
        with self._printed:
            self.output += text
            self._ended = ended
            self._printed.notify_all()


def deno_environment() -> dict[str, str]:
    """What Deno needs of ours; what it fetches from npm stays in the repository's own cache."""
    cache = Path(os.environ.get("DENO_DIR") or ROOT / ".cache/deno")
    cache.mkdir(parents=True, exist_ok=True)
    if cache.is_relative_to(ROOT / ".cache"):
        (ROOT / ".cache/.gitignore").write_text("*\n")
    kept = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    quiet = {"NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1"}
    return kept | quiet | {"DENO_DIR": str(cache), "DENO_TLS_CA_STORE": "mozilla,system"}


@contextmanager
def running_function(
    environment: Mapping[str, str], folder: Path = ADMIN, entry: str | Path = "index.ts"
) -> Iterator[Function]:
    function = Function(environment, folder, entry)
    try:
        yield function
    finally:
        function.stop()
