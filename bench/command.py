"""What the commands that measure servers begin with, and where they tell how far they are."""

import resource
import signal
import sys


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
