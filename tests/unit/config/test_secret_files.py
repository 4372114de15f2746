"""A secret file is private, whole, and the same for everyone who makes it at once."""

import os
import threading
from pathlib import Path

import pytest

from gateway.config.secret_files import read, read_or_make
from tunnel.private_files import UnsafeFile

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes mean nothing on Windows")


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    made = read_or_make(tmp_path / "secret", lambda: "first")
    assert made == "first"
    assert read_or_make(tmp_path / "secret", lambda: "second") == "first"


def test_only_the_owner_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        read_or_make(tmp_path / "secret", lambda: "x")
    finally:
        os.umask(before)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_nothing_else_is_left_behind(tmp_path: Path) -> None:
    read_or_make(tmp_path / "secret", lambda: "x")
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(mode)
    with pytest.raises(UnsafeFile, match=f"chmod 600 {path}"):
        read(path)


def test_a_link_a_directory_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "empty").touch(mode=0o600)
    for name in ("link", "folder", "empty"):
        with pytest.raises(UnsafeFile, match=name):
            read_or_make(tmp_path / name, lambda: "new")


def test_a_missing_file_is_no_secret(tmp_path: Path) -> None:
    assert read(tmp_path / "secret") is None


def test_all_who_make_it_at_once_get_the_same_one(tmp_path: Path) -> None:
    together, found = threading.Barrier(8), []

    def make(own: str) -> str:
        together.wait()  # everyone has seen that there is none
        return own

    def work(number: int) -> None:
        found.append(read_or_make(tmp_path / "secret", lambda: make(f"secret-{number}")))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(found) == 8
    assert len(set(found)) == 1
