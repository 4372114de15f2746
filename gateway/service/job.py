"""The processes to run as services, independent of the service manager."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from gateway import server
from gateway.config import settings
from gateway.config.dotenv_file import read_dotenv
from gateway.config.secret_files import ADMIN_SECRET_FILE
from gateway.config.settings import Settings


class Job(NamedTuple):
    """One process that runs forever. `name` is that of its service; `after` names other services
    to start before it."""

    name: str
    text: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path  # where its `.env` is
    writable: tuple[Path, ...]
    stop_seconds: int  # how long it may take to stop before it is killed
    after: tuple[str, ...] = ()
    readable: tuple[Path, ...] = ()  # files that the settings name, wherever they are


class State(NamedTuple):
    """`state` in the service manager's own word, such as active; None: not installed."""

    name: str
    state: str | None
    running: bool


class ServiceError(Exception):
    """The service cannot be installed or managed; the text says what to do."""


class Manager(Protocol):
    """The services of one service manager. Every method can raise ServiceError."""

    def files(self, jobs: list[Job]) -> dict[Path, str]:
        """The files that `install` would write."""
        ...

    def install(self, jobs: list[Job]) -> list[str]:
        """Write, enable and start them; lines about what is left for the owner to do."""
        ...

    def uninstall(self) -> list[str]:
        """Stop and remove them; the names of those that were installed."""
        ...

    def states(self) -> list[State]: ...

    def logs(self, follow: bool, lines: int) -> list[str]:
        """The command that shows the logs."""
        ...


GATEWAY = "localllm"
TUNNEL = "localllm-tunnel"
NAMES = (GATEWAY, TUNNEL)


def jobs(loaded: Settings, *, tunnel: bool) -> list[Job]:
    """The gateway, and its tunnel if there is one."""
    environment = {"DATA_DIR": str(loaded.data_dir), "PYTHONUNBUFFERED": "1"}
    if not loaded.admin_secret and loaded.manages_keys:
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
    """With the full path of the interpreter, because a service does not have the owner's PATH; and
    without modules from its working directory (-P)."""
    return (sys.executable, "-P", "-m", "gateway", *arguments)


def only_here() -> list[str]:
    """Settings in this shell that a service would not see, because it reads `.env` only."""
    given = read_dotenv(Path(".env"))
    return [
        name
        for name in settings.variables()
        if os.environ.get(name, "").strip() and os.environ[name] != given.get(name)
        if name != "DATA_DIR"  # it is written into the service
    ]
