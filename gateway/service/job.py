"""What is to run as a service, said without any system's words."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from gateway import server
from gateway.config import settings
from gateway.config.secret_files import ADMIN_SECRET_FILE
from gateway.config.settings import Settings


class Job(NamedTuple):
    """One process that runs for ever. `name` is its service's; `after`: another one's."""

    name: str
    text: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path  # where its `.env` is
    writable: tuple[Path, ...]
    stop_seconds: int  # before it may be killed
    after: tuple[str, ...] = ()
    readable: tuple[Path, ...] = ()  # files that the settings name, wherever they are


class State(NamedTuple):
    """`state` in the system's own word, such as active; None: it is not installed."""

    name: str
    state: str | None
    running: bool


class ServiceError(Exception):
    """The service cannot be had this way; the text says what to do."""


class Manager(Protocol):
    """One system's services. All raise ServiceError."""

    def files(self, jobs: list[Job]) -> dict[Path, str]:
        """What would be written, and where."""
        ...

    def install(self, jobs: list[Job]) -> list[str]:
        """Write, enable and start; gives what the owner still has to do or know, by lines."""
        ...

    def uninstall(self) -> list[str]:
        """Stop and remove; gives the names of what was there."""
        ...

    def states(self) -> list[State]: ...

    def logs(self, follow: bool, lines: int) -> list[str]:
        """The command that shows them."""
        ...


GATEWAY = "localllm"
TUNNEL = "localllm-tunnel"
NAMES = (GATEWAY, TUNNEL)


def jobs(loaded: Settings, *, tunnel: bool) -> list[Job]:
    """The gateway, and its tunnel where there is one."""
    environment = {"DATA_DIR": str(loaded.data_dir), "PYTHONUNBUFFERED": "1"}
    if not loaded.admin_secret:
        environment["ADMIN_SECRET_FILE"] = str(loaded.data_dir / ADMIN_SECRET_FILE)
    gateway = Job(
        name=GATEWAY,
        text="localllm: keys, quotas and rate limits in front of Ollama",
        command=_command("serve"),
        environment=environment,
        directory=Path.cwd() if Path(".env").exists() else loaded.data_dir,
        writable=(loaded.data_dir,),
        stop_seconds=int(server.GRACE + 3 * server.FLUSH + 10),
    )
    if not tunnel:
        return [gateway]
    beside = gateway._replace(
        name=TUNNEL,
        text="localllm: the tunnel that gives it a public hostname",
        command=_command("tunnel", "run"),
        stop_seconds=loaded.tunnel_grace_seconds + 15,
        after=(GATEWAY,),
        readable=(loaded.tunnel_token_file,) if loaded.tunnel_token_file else (),
    )
    return [gateway, beside]


def _command(*arguments: str) -> tuple[str, ...]:
    """By the interpreter's full path: a service has no PATH of the owner's."""
    return (sys.executable, "-m", "gateway", *arguments)


def only_here() -> list[str]:
    """Settings of this shell that a service would not see: it reads `.env`."""
    given = settings.read_dotenv(Path(".env"))
    return [
        name
        for name in settings.variables()
        if os.environ.get(name, "").strip() and os.environ[name] != given.get(name)
        if name != "DATA_DIR"  # goes into the service
    ]
