"""Where exports go and come from: a file that only its owner can read, or a pipe."""

import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from gateway.commands.running import Failed

STREAM = "-"  # names standard input or output


@contextmanager
def written(file: str, force: bool) -> Generator[BinaryIO]:
    """Takes what is exported. A file appears under its name when it is complete."""
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
            f"{file} is there already: name another, or replace it with --force."
        ) from None
    except OSError as problem:
        raise Failed(f"{name} cannot be written: {problem.strerror}.") from problem


@contextmanager
def _replaced(path: Path, force: bool) -> Generator[BinaryIO]:
    if path.exists() and not path.is_file():
        raise Failed(f"{path} is no plain file: name another, or - for standard output.")
    if not force:
        path.touch(mode=0o600, exist_ok=False)  # takes the name, so that nobody else's is replaced
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
    """Gives what is to be imported."""
    if file == STREAM and sys.stdin.isatty():
        raise click.UsageError(
            "Name a FILE, or send one to standard input: localllm db import < FILE"
        )
    try:
        if file == STREAM:
            yield sys.stdin.buffer
        else:
            with Path(file).open("rb") as source:
                yield source
    except OSError as problem:
        raise Failed(f"{file} cannot be read: {problem.strerror}.") from problem
