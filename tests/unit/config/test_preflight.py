"""Port and disk are looked at first, and a problem says what to do."""

import errno
import os
import shutil
import socket
from pathlib import Path

import pytest

from gateway.config import preflight
from gateway.config.preflight import (
    NotReady,
    check_data_dir,
    check_model_servers,
    check_port,
    local_url,
)


def test_a_port_in_use_is_named_with_another_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(NotReady, match=rf"PORT {port} is in use.*PORT=\d+"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(NotReady, match=r"HOST 192\.0\.2\.1"):
        check_port("192.0.2.1", 8000)


def test_a_missing_data_directory_is_made_so_that_nobody_can_look_in(tmp_path: Path) -> None:
    check_data_dir(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o066 == 0
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_data_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    check_data_dir(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_directory_that_takes_nothing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(preflight.tempfile, "TemporaryFile", refuse)
    with pytest.raises(NotReady, match=f"DATA_DIR {tmp_path}"):
        check_data_dir(tmp_path)


def test_a_disk_that_is_nearly_full_is_named_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=60 * 1024**2)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(NotReady, match="60 MB of disk space left"):
        check_data_dir(tmp_path)
    (tmp_path / "postgres").mkdir()  # a database that is there needs less than a new one
    check_data_dir(tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::", "::1"])
@pytest.mark.parametrize("url", ["http://localhost:8123", "http://127.0.0.1:8123/v1"])
def test_a_gateway_that_would_ask_itself_does_not_start(host: str, url: str) -> None:
    with pytest.raises(NotReady, match=f"OLLAMA_BASE_URL {url} is where localllm itself listens"):
        check_model_servers(host, 8123, ("http://192.0.2.1:8123", url))


def test_a_model_server_elsewhere_or_on_another_port_is_none_of_ours() -> None:
    urls = ("http://localhost:11434", "http://192.0.2.1:8123", "https://localhost", "http://[::2]")
    check_model_servers("127.0.0.1", 8123, urls)
    check_model_servers("192.0.2.2", 8123, ("http://localhost:8123",))


def test_the_url_is_one_that_this_machine_can_use() -> None:
    assert local_url("0.0.0.0", 1) == local_url("127.0.0.1", 1) == "http://127.0.0.1:1"
    assert local_url("::", 1) == "http://[::1]:1"
    assert local_url("localhost", 1) == "http://localhost:1"
