"""Where exports are written to and read from: a file that only its owner can read, or a pipe."""

import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from gateway.commands.running import Failed

STREAM = "-"  # stands for standard input or output


@contextmanager
def written(file: str, force: bool) -> Generator[BinaryIO]:
    """Yields the file to write the export to. It gets its name only when it is complete."""
    name = "standard output" if file == STREAM else file
    try:
        if file == STREAM:
            with open(sys.stdout.fileno(), "wb", closefd=False) as target:
                yield target
        else:
            with _replaced(Path(file), force) as target:
                yield target
    except FileExistsError:
        raise Failed(
            f"{file} already exists: name another file, or replace it with --force."
        ) from None
    except OSError as problem:
        raise Failed(f"{name} cannot be written: {problem.strerror}.") from problem


@contextmanager
def _replaced(path: Path, force: bool) -> Generator[BinaryIO]:
    if path.exists() and not path.is_file():
        raise Failed(f"{path} is not a regular file: name another, or - for standard output.")
    if not force:
        path.touch(mode=0o600, exist_ok=False)  # reserve the name: no other file may be replaced
    temporary = None
    complete = False
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".export-", dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "wb") as target:
            yield target
            target.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
        complete = True
    finally:
        if temporary and not complete:
            Path(temporary).unlink()
        if not force and not complete:
            path.unlink()


@contextmanager
def read(file: str) -> Generator[BinaryIO]:
    """Yields the file to import."""
    if file == STREAM and sys.stdin.isatty():
        raise click.UsageError(
            "Name a FILE, or pass one on standard input: localllm db import < FILE"
        )
    try:
        if file == STREAM:
            yield sys.stdin.buffer
        else:
            with Path(file).open("rb") as source:
                yield source
    except OSError as problem:
        raise Failed(f"{file} cannot be read: {problem.strerror}.") from problem
