"""The two that answer /admin: the gateway, and the Supabase function under a real Deno.

Each has a database of its own; the function's stands behind the stand-in for PostgREST.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from gateway.app import make_services
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.stores import Store, StoreUnavailable
from gateway.stores.postgres import PostgresStore
from tests.support.bare_gateway import served
from tests.support.lacking import IN_CI
from tests.support.paths import ROOT
from tests.support.postgrest.stand_in import StandIn, stand_in

FOLDER = ROOT / "supabase/functions/admin"
DENO = Path(sys.executable).parent / "deno"
# The only reason not to run it: the wheel `deno` is not made for every platform.
needs_deno = pytest.mark.skipif(
    not DENO.exists() and not IN_CI, reason="there is no Deno for this platform"
)
SECRET = "for-tests-only-größer"  # sent as UTF-8
CONSOLE = "https://console.example"  # a website that may use the admin routes
PATIENCE = 60.0
ENVIRONMENT = (
    *("ADMIN_SECRET", "API_KEY_PREFIX", "ADMIN_CORS_ORIGINS", "DEFAULT_MONTHLY_TOKEN_LIMIT"),
    *("DEFAULT_RATE_LIMIT_PER_MIN", "SUPABASE_SECRET_KEYS", "SUPABASE_SERVICE_ROLE_KEY"),
    "SUPABASE_URL",
)


@dataclass
class Admin:
    """One of the two, seen from outside."""

    name: str
    url: str
    dsn: str
    calls: Callable[[], list[tuple[str, dict[str, Any]]]]  # what the database was asked
    away: Callable[[bool], None]  # whether the database is
    log: Callable[[], str]


class Watched:
    """A store that can be away, and remembers what administration has asked of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.away = False
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def admin(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if self.away:
            raise StoreUnavailable("The test has taken the database away.")
        self.calls.append((function, dict(arguments)))
        return await self._store.admin(function, arguments)


class Function:
    """A process of Deno that runs the function, and all that it has printed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.output = ""
        self.url = ""
        self._printed = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            [
                *(DENO, "run", "--frozen", "--no-prompt", "--allow-net=127.0.0.1"),
                *(f"--allow-env={','.join(ENVIRONMENT)}", "index.ts"),
            ],
            cwd=FOLDER,
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
def running_function(environment: Mapping[str, str]) -> Iterator[Function]:
    function = Function(environment)
    try:
        yield function
    finally:
        function.stop()


def function_environment(project: StandIn, **more: str) -> dict[str, str]:
    keys = f'{{"default":"{project.secret_key}"}}'
    return {
        "SUPABASE_URL": project.url,
        "SUPABASE_SECRET_KEYS": keys,
        "ADMIN_SECRET": SECRET,
        "ADMIN_CORS_ORIGINS": CONSOLE,
    } | more


@contextmanager
def function_admin(dsn: str) -> Iterator[Admin]:
    with stand_in(dsn) as project, running_function(function_environment(project)) as function:
        yield Admin(
            "function",
            function.url,
            dsn,
            lambda: [(call.function, call.arguments) for call in project.calls],
            lambda away: project.stop() if away else project.start(),
            lambda: function.output,
        )


@contextmanager
def gateway_admin(dsn: str) -> Iterator[Admin]:
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="localllm-admin-"))
        stack.callback(shutil.rmtree, folder)
        portal = stack.enter_context(start_blocking_portal())
        url, store = stack.enter_context(
            portal.wrap_async_context_manager(_serving_gateway(dsn, folder))
        )

        def away(is_away: bool) -> None:
            store.away = is_away

        yield Admin("gateway", url, dsn, lambda: list(store.calls), away, lambda: "")


@asynccontextmanager
async def _serving_gateway(dsn: str, folder: Path) -> AsyncGenerator[tuple[str, Watched]]:
    store: Any = Watched(await PostgresStore.open(dsn))
    settings = Settings(data_dir=folder, admin_secret=SECRET, admin_cors_origins=(CONSOLE,))
    pool = BackendPool(settings)  # no admin route asks the model server
    services = make_services(settings, store, pool)
    try:
        async with served(services) as url:
            yield url, store
    finally:
        services.outbox.close()
        await store.close()
