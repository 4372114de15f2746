"""What the commands that measure servers have in common."""

import platform
import re
import resource
import signal
import sys
from pathlib import Path


def say(text: str) -> None:
    """To who waits: the figures alone go to standard output."""
    print(text, file=sys.stderr, flush=True)


def begin() -> bool:
    """Whether this system can be measured."""
    if sys.platform != "linux":
        say("The benchmark reads /proc and runs on Linux only.")
        return False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` ends the servers
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # 500 streams need 1,000 sockets
    return True


def processor() -> str:
    """What this machine has for one."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    return found[1] if found else platform.machine()
