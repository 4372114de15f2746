"""The processes that tests start, and what can be seen of them."""

import contextlib
import os
from collections.abc import Iterable

import psutil


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def within(pid: int, word: str) -> list[psutil.Process]:
    """Those of them whose command line has this word. Others may end meanwhile."""
    found: list[psutil.Process] = []
    for process in family(pid):
        with contextlib.suppress(psutil.Error):
            if word in process.cmdline():
                found.append(process)
    return found


def is_alive(which: psutil.Process | int) -> bool:
    """A process, or who has this number. One that nobody has collected yet has ended."""
    try:
        process = psutil.Process(which) if isinstance(which, int) else which
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def naming(text: str) -> list[psutil.Process]:
    """The processes whose command line holds the text, such as a data directory."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(text in word for word in process.cmdline()):
                found.append(process)
    return found


def all_text_of_processes() -> Iterable[str]:
    """Command lines and environments of every process that we may see, but our own."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid():
                yield " ".join([*process.cmdline(), *process.environ().values()])
