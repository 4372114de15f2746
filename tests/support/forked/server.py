"""A Python that has imported what is slow to import, and forks for each program that it is told to
run: `server.py SOCKET MODULE…`, where SOCKET is the number of a file that orders come through."""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any


def load(name: str) -> None:
    """A module; of a package whose name ends with `.*` all that is in it."""
    package, everything, _ = name.partition(".*")
    module = importlib.import_module(package)
    if everything:
        for part in pkgutil.walk_packages(module.__path__, f"{package}."):
            if not part.name.endswith("__main__"):
                importlib.import_module(part.name)


def serve(orders: socket.socket) -> dict[str, Any] | None:
    """Fork for each order. In the new process: its order; in this one None, at the end."""
    with selectors.DefaultSelector() as selector:
        selector.register(orders, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not orders:  # the pidfd of a process that has ended
                    pid, status = key.data
                    selector.unregister(key.fileobj)
                    os.close(key.fd)
                    _, code = os.waitpid(pid, 0)
                    report(status, os.waitstatus_to_exitcode(code))
                    os.close(status)
                    continue
                text, files, *_ = socket.recv_fds(orders, 2**20, 4)
                if not text:
                    return None
                *standard, status = files
                if (pid := os.fork()) == 0:
                    for number, file in enumerate(standard):
                        os.dup2(file, number)
                    held = [one.data[1] for one in selector.get_map().values() if one.data]
                    for file in (*files, *held):
                        os.close(file)
                    return json.loads(text)
                for file in standard:
                    os.close(file)
                report(status, pid)
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))


def report(status: int, number: int) -> None:
    """Tell whoever gave the order the process id, and later the exit code."""
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(status, number.to_bytes(4, "little", signed=True))


def become(order: dict[str, Any]) -> None:
    """Go on as a Python that was started with these words, as far as a program can tell."""
    if order["session"]:
        os.setsid()
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(order["environ"])
    time.tzset()
    match order["words"]:
        case ["-W", "error", *words]:
            warnings.simplefilter("error")
        case words:
            pass
    match words:
        case ["-m", module, *arguments]:
            sys.argv = ["-m", *arguments]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case [file, *arguments]:
            sys.argv = [file, *arguments]
            sys.path[0] = str(Path(file).resolve().parent)
            runpy.run_path(file, run_name="__main__")


def main() -> None:
    number, *modules = sys.argv[1:]
    for name in modules:
        load(name)
    assert threading.active_count() == 1, "only a process without threads can be forked"
    gc.collect()
    gc.freeze()  # what is never looked at again stays shared
    with socket.socket(fileno=int(number)) as orders:
        order = serve(orders)
    if order is not None:
        become(order)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
