"""For every test: where it writes; a Postgres and a browser, made only if a test asks for them."""

import gc
import os
import signal
import sys
import tempfile
from collections.abc import Iterator

import pytest

from tests.support.blocking import no_blocking_calls
from tests.support.chromium.process import chromium_process
from tests.support.postgres import anyio_backend, database, empty_database, postgres, store
from tests.support.scratch import in_memory

__all__ = [
    "anyio_backend",
    "chromium_process",
    "database",
    "empty_database",
    "postgres",
    "store",
]

tempfile.tempdir = in_memory()
# Shells let what they start in the background ignore Ctrl-C, and it would let what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Python is started a thousand times: what it compiled once is kept, even where others forbid that.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many files are run side by side by `-n auto`: two more than there are cores, as there are
    always tests that wait; but no more than 4, each of which has servers of its own."""
    return min((os.cpu_count() or 1) + 2, 4)


def pytest_configure() -> None:
    gc.disable()  # until all tests are collected: they stay, and so does what they import


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # no need to look through ten thousand tests again and again
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _no_blocking_calls() -> Iterator[None]:
    with no_blocking_calls():
        yield
