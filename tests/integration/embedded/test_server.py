"""One server for all who use a data directory; it survives what happens to them and to itself."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil
import pytest

from gateway.embedded import EmbeddedPostgres
from gateway.embedded.account import server_account
from tests.support.processes import is_alive

USER_SCRIPT = """
import os, signal, sys
from pathlib import Path
from gateway.embedded import EmbeddedPostgres
{before}
postgres = EmbeddedPostgres(Path(sys.argv[1]))
print(postgres.start(lambda line: None), flush=True)
sys.stdin.read()
postgres.stop()
"""


class OtherProcess:
    """Another localllm that uses the data directory until it is told to leave."""

    def __init__(self, data_dir: Path, before: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER_SCRIPT.format(before=before), str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def dsn(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate("", timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


def query(dsn: str, *statements: str) -> Any:
    """The first value of the last statement."""

    async def run() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(run())


def silent(_: str) -> None:
    pass


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Where the server's own user gets to when the tests run as root, unlike in tmp_path."""
    parent = Path(tempfile.mkdtemp(prefix="localllm-test-"))
    parent.chmod(0o755)
    data_dir = parent / "data"
    yield data_dir
    with EmbeddedPostgres(data_dir) as postgres:  # nothing stays behind, whatever went wrong
        if (data_dir / "postgres" / "postmaster.pid").exists():
            postgres.start(silent)
    shutil.rmtree(parent)


def test_data_outlives_the_server(data_dir: Path) -> None:
    said: list[str] = []
    with EmbeddedPostgres(data_dir) as postgres:
        dsn = postgres.start(said.append)
        query(dsn, "create table kept as select 42 as answer", "select 1")
    assert said == ["Creating the database."]
    assert not postgres.is_running()
    with EmbeddedPostgres(data_dir) as postgres:
        assert postgres.start(said.append) == dsn
        assert query(dsn, "select answer from kept") == 42
    assert len(said) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="who maps what is told by /proc")
def test_nothing_is_shared_by_a_name_that_a_log_out_removes(data_dir: Path) -> None:
    """systemd's logind empties /dev/shm of a user who has left, while a service of theirs runs."""
    with EmbeddedPostgres(data_dir) as postgres:
        assert query(postgres.start(silent), "select 1") == 1
        mapped = Path(f"/proc/{server_pid(data_dir)}/maps").read_text()
    assert "/pg_dynshmem/" in mapped
    assert "/dev/shm/PostgreSQL" not in mapped


def test_only_the_owner_gets_in_and_the_password_shows_nowhere(data_dir: Path) -> None:
    file = data_dir / "postgres-password"
    with EmbeddedPostgres(data_dir) as postgres:
        dsn = postgres.start(silent)
        password = file.read_text().strip()
        with pytest.raises(asyncpg.InvalidPasswordError):
            query(dsn.replace(password, "another"), "select 1")
        server = psutil.Process(server_pid(data_dir))
        assert not server.net_connections("inet")  # a socket in a closed directory, no port
        assert password not in " ".join(server.cmdline())
    assert len(password) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700
    assert password not in postgres.log.read_text()
    texts = [path for path in (data_dir / "postgres").iterdir() if path.is_file()]
    assert not any(password.encode() in path.read_bytes() for path in texts)


def test_our_environment_stays_with_us(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_SECRET", "hush-hush")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    with EmbeddedPostgres(data_dir) as postgres:
        assert query(postgres.start(silent), "select 1") == 1
        assert "hush-hush" not in psutil.Process(server_pid(data_dir)).environ().values()


def test_the_last_of_two_processes_stops_the_server(data_dir: Path) -> None:
    other = OtherProcess(data_dir)
    dsn = other.dsn()
    with EmbeddedPostgres(data_dir) as postgres:
        assert postgres.start(silent) == dsn
        pid = server_pid(data_dir)
        other.leave()
        assert query(dsn, "select 1") == 1
    assert not is_alive(pid)


def test_a_process_that_leaves_first_lets_the_other_go_on(data_dir: Path) -> None:
    other = OtherProcess(data_dir)
    dsn = other.dsn()
    with EmbeddedPostgres(data_dir) as postgres:
        postgres.start(silent)
    assert query(dsn, "select 1") == 1
    pid = server_pid(data_dir)
    other.leave()
    assert not is_alive(pid)


def test_two_users_in_one_process_share_the_server(data_dir: Path) -> None:
    first, second = EmbeddedPostgres(data_dir), EmbeddedPostgres(data_dir)
    dsn = first.start(silent)
    assert second.start(silent) == dsn
    first.stop()
    first.stop()  # once more does nothing
    other = OtherProcess(data_dir)  # it must see that the second is still there
    other.dsn()
    other.leave()
    assert query(dsn, "select 1") == 1
    second.stop()
    assert not second.is_running()


def test_processes_that_start_at_once_make_one_database(data_dir: Path) -> None:
    others = [OtherProcess(data_dir) for _ in range(3)]
    assert len({other.dsn() for other in others}) == 1
    for other in others:
        other.leave()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_the_server_of_a_killed_process_is_taken_over(data_dir: Path) -> None:
    other = OtherProcess(data_dir)
    dsn = other.dsn()
    pid = server_pid(data_dir)
    other.kill()
    assert is_alive(pid)
    with EmbeddedPostgres(data_dir) as postgres:
        assert postgres.start(silent) == dsn
        assert server_pid(data_dir) == pid
    assert not is_alive(pid)


def test_a_killed_server_is_started_again_with_what_was_committed(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        dsn = postgres.start(silent)
        query(dsn, "create table kept as select 42 as answer", "select 1")
        assert postgres.ensure_running() is False
        pid = server_pid(data_dir)
        os.kill(pid, signal.SIGKILL)
        while is_alive(pid):
            pass
        assert postgres.ensure_running() is True
        assert query(dsn, "select answer from kept") == 42
        assert postgres.ensure_running() is False


def test_a_stale_pid_file_with_a_recycled_number_is_seen_through(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        postgres.start(silent)
        pid_file = data_dir / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    account = server_account()
    switch: dict[str, Any] = {"user": account.uid, "group": account.gid} if account else {}
    with subprocess.Popen(["sleep", "600"], cwd="/", **switch) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        if account:
            os.chown(pid_file, account.uid, account.gid)
        try:
            with EmbeddedPostgres(data_dir) as postgres:
                assert query(postgres.start(silent), "select 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_interrupted_first_start_leaves_nothing_half_made(data_dir: Path) -> None:
    # Killed when the files are all there, but not yet in their place.
    before = "Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    other = OtherProcess(data_dir, before)
    assert other.dsn() == ""
    assert other.process.wait(60) == -signal.SIGKILL
    other.kill()
    assert not (data_dir / "postgres").exists()
    assert list(data_dir.glob(".new-*"))
    with EmbeddedPostgres(data_dir) as postgres:
        assert query(postgres.start(silent), "select 1") == 1
    assert not list(data_dir.glob(".new-*"))


def test_the_log_stays_small(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        dsn = postgres.start(silent)
        with pytest.raises(asyncpg.UndefinedTableError):
            query(dsn, "select 'a caller''s mistake' from nowhere")
        assert "mistake" not in postgres.log.read_text()
        with postgres.log.open("a") as log:
            log.write("x" * 2_000_000)
        postgres.ensure_running()
        assert postgres.log.stat().st_size < 1_000_000


@pytest.mark.parametrize("name", ["long-" + "x" * 120, "with, comma", 'it\'s "quoted" \\ ü'])
def test_any_path_will_do(data_dir: Path, name: str) -> None:
    directory = data_dir / name
    with EmbeddedPostgres(directory) as postgres:
        dsn = postgres.start(silent)
        assert query(dsn, "select 1") == 1
        socket = Path(parse_qs(urlsplit(dsn).query)["host"][0])
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert not socket.exists() or socket == directory / "postgres"


def test_no_existing_directory_is_opened_for_the_server(data_dir: Path) -> None:
    """Root's server has a user of its own: what that one cannot reach lies elsewhere."""
    data_dir.mkdir()
    data_dir.chmod(0o700)
    said: list[str] = []
    with EmbeddedPostgres(data_dir) as postgres:
        dsn = postgres.start(said.append)
        assert query(dsn, "create table kept as select 42 as answer", "select 1") == 1
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    place = (data_dir / "postgres").resolve()
    elsewhere = place.parent != data_dir
    assert elsewhere == (server_account() is not None)
    assert elsewhere == any(str(place) in line for line in said)
    with EmbeddedPostgres(data_dir) as postgres:
        assert query(postgres.start(silent), "select answer from kept") == 42
    shutil.rmtree(place)
