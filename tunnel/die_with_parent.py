"""Runs a program that ends when the process that started it ends, even by `kill -9`.

`python -m tunnel.die_with_parent PARENT_PID PROGRAM ARGUMENT…`. On Linux the kernel kills the
program when its parent dies (PR_SET_PDEATHSIG), and the program replaces this process. Elsewhere
this process stays as the program's parent, and kills it when its own stdin, a pipe from the process
that started it, closes.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1
KERNEL_KILLS_CHILD = sys.platform == "linux"


def main(arguments: list[str], kernel_kills_child: bool = KERNEL_KILLS_CHILD) -> int:
    parent, *command = arguments
    return _become(int(parent), command) if kernel_kills_child else _hold(command)


def _become(parent: int, command: list[str]) -> int:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() == parent:  # else it died before the kernel knew what to do about it
        os.execv(command[0], command)  # noqa: S606  # there is no shell in it
    return 1


def _hold(command: list[str]) -> int:
    """Run the command; its exit code, or 128 and more where a signal ended it."""
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []  # signals that came while it was being started

    def pass_on(number: int, _: object) -> None:
        if sys.platform == "win32":  # there, one press of a key reaches both of us
            return
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, pass_on)
    running = child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    for number in early:
        running.send_signal(number)

    def end_with_parent() -> None:
        while os.read(0, 1024):  # nothing ever comes but the end
            pass
        running.kill()

    threading.Thread(target=end_with_parent, daemon=True).start()
    code = running.wait()
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
