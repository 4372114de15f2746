"""A Postgres of the tests' own: the package's binaries, a temporary directory, a unix socket.

It is fast rather than safe (fsync off), and can be killed and started again by a test.
`LOCALLLM_TEST_PG_BIN` names the programs of another version.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path

import asyncpg
import psutil
import pytest

from gateway.database.migrate import migrate
from gateway.embedded.account import own, server_account
from gateway.embedded.binaries import find
from gateway.stores.postgres import PostgresStore
from tests.support.processes import is_alive

CONFIGURATION = """
listen_addresses = ''
max_connections = 260
shared_buffers = 64MB
fsync = off
full_page_writes = off
autovacuum = off
timezone = 'UTC'
log_min_messages = log
"""
TEMPLATE = "migrated"
ROLES = Path(__file__).parent / "postgrest" / "roles.sql"
_numbers = count(1)


class Server:
    """One cluster and its server."""

    def __init__(self, root: Path) -> None:
        self.account = server_account()
        named = os.environ.get("LOCALLLM_TEST_PG_BIN")
        self.bin = Path(named) if named else find(self.account, print).directory
        self.data = root / "data"
        self.socket = root / "socket"
        self.log = (root / "log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None
        for directory in (root, self.socket):
            directory.mkdir(exist_ok=True)
            own(directory, self.account)
        initdb = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-N"]
        done = self._start("initdb", "-D", str(self.data), *initdb)
        assert done.wait(120) == 0, self._said()
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write(CONFIGURATION)
            configuration.write(f"unix_socket_directories = '{self.socket}'\n")

    def start(self) -> None:
        """Return when it takes connections."""
        self.process = self._start("postgres", "-D", str(self.data))
        ready = self.data / "postmaster.pid"
        while True:
            assert self.process.poll() is None, self._said()
            if ready.exists() and "\nready" in ready.read_text(errors="replace"):
                return
            time.sleep(0.01)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: in order. SIGKILL: as in a crash; all that it leaves is cleared up."""
        assert self.process is not None
        processes = [psutil.Process(self.process.pid)]
        if how == signal.SIGKILL:
            processes += processes[0].children(recursive=True)
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # a backend that ended by itself meanwhile
                process.send_signal(how)
        self.process.wait(60)
        while any(is_alive(process) for process in processes):
            time.sleep(0.005)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def dsn(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket}"

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        switch = {} if self.account is None else {
            "user": self.account.uid, "group": self.account.gid, "extra_groups": []
        }  # fmt: skip
        return subprocess.Popen(
            [str(self.bin / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd="/",
            start_new_session=True,
            **switch,
        )

    def _said(self) -> str:
        return Path(self.log.name).read_text(errors="replace")[-2000:]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A running server with Supabase's roles and a migrated template database."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module", name="postgres")
def own_postgres() -> Iterator[Server]:
    """For a file of tests that stop it, which import this: all others go on with the shared one."""
    with running_postgres() as server:
        yield server


@contextmanager
def running_postgres() -> Iterator[Server]:
    """The same outside of pytest."""
    root = Path(tempfile.mkdtemp(prefix="localllm-test-"))
    root.chmod(0o755)
    server = Server(root)
    try:
        server.start()
        asyncio.run(_make_template(server))
        yield server
    finally:
        if server.process is not None:
            server.stop()
        server.log.close()
        shutil.rmtree(root)


async def _make_template(server: Server) -> None:
    await execute(server.dsn("postgres"), f"create database {TEMPLATE}")
    await execute(server.dsn(TEMPLATE), ROLES.read_text("utf-8"))
    await migrate(server.dsn(TEMPLATE))


async def execute(dsn: str, sql: str) -> None:
    """Run one statement on a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def empty_database(postgres: Server) -> AsyncIterator[str]:
    """The address of a new database with nothing in it."""
    async with _fresh(postgres, "template0") as dsn:
        yield dsn


@pytest.fixture
async def database(postgres: Server) -> AsyncIterator[str]:
    """The address of a new migrated database."""
    async with _fresh(postgres, TEMPLATE) as dsn:
        yield dsn


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    """A store on a new migrated database."""
    opened = await PostgresStore.open(database)
    yield opened
    await opened.close()


@asynccontextmanager
async def _fresh(server: Server, template: str) -> AsyncGenerator[str]:
    name = f"test_{next(_numbers)}"
    admin = server.dsn("postgres")
    await execute(admin, f"create database {name} template {template} strategy file_copy")
    try:
        yield server.dsn(name)
    finally:
        await execute(admin, f"drop database {name} with (force)")
