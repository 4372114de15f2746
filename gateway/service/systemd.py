"""systemd services: those of one user, or of the system."""

import os
import pwd
from pathlib import Path

from gateway.service import systemd_unit, tools
from gateway.service.job import NAMES, Job, ServiceError, State

_NO_SYSTEMD = "Without systemd, have another program run `localllm serve`."
_NO_LOGIN = (
    f"{_NO_SYSTEMD} With it, log in as this user directly, not with su or sudo, or add --system."
)


class Systemd:
    """`account`: the user that system services run as; None: services of the user's own manager."""

    def __init__(self, account: str | None) -> None:
        self._account = account
        self._folder = systemd_unit.folder(account is not None, Path.home())
        self._scope = () if account else ("--user",)

    def files(self, jobs: list[Job]) -> dict[Path, str]:
        if self._account is not None:
            _check(self._account)
        separated = self._account is not None or _separates()
        return {
            self._path(job.name): systemd_unit.unit(job, account=self._account, separated=separated)
            for job in jobs
        }

    def install(self, jobs: list[Job]) -> list[str]:
        files = self.files(jobs)
        self._may_change()
        new = [path for path in files if not path.exists()]
        tools.write(files)
        names = [f"{job.name}.service" for job in jobs]
        try:
            self._systemctl("daemon-reload")
        except ServiceError as problem:
            for path in new:  # systemd is not running, so `uninstall` could not remove the files
                tools.remove(path)
            raise ServiceError(
                f"{problem}. {_NO_SYSTEMD if self._account else _NO_LOGIN}"
            ) from None
        self._systemctl("enable", *names)
        self._systemctl("restart", *names)
        return [] if self._account else _linger()

    def uninstall(self) -> list[str]:
        there = [name for name in NAMES if self._path(name).exists()]
        if there:
            self._may_change()
        for name in reversed(there):  # the tunnel first, so that its streams can end
            self._systemctl("disable", "--now", f"{name}.service")
            tools.remove(self._path(name))
        if there:
            self._systemctl("daemon-reload")
        return there

    def states(self) -> list[State]:
        return [self._state(name) for name in NAMES]

    def logs(self, follow: bool, lines: int) -> list[str]:
        units = [word for name in NAMES for word in ("--unit", f"{name}.service")]
        if not self._account:
            units = [word.replace("--unit", "--user-unit") for word in units]
        return [
            *("journalctl", "--quiet", *units, "--lines", str(lines), "--output", "short-iso"),
            *(["--follow"] if follow else ["--no-pager"]),
        ]

    def _state(self, name: str) -> State:
        if not self._path(name).exists():
            return State(name, None, running=False)
        said = tools.ask("systemctl", *self._scope, "is-active", f"{name}.service")
        state = said.stdout.strip() or "unknown"
        return State(name, state, running=state == "active")

    def _may_change(self) -> None:
        if self._account is not None and os.geteuid() != 0:
            raise ServiceError(
                "System services need root: run the same command with sudo, or without --system."
            )

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.service"

    def _systemctl(self, *words: str) -> None:
        tools.tell("systemctl", *self._scope, *words)


def _check(account: str) -> None:
    try:
        found = pwd.getpwnam(account)
    except KeyError:
        raise ServiceError(f"There is no user {account} on this machine.") from None
    if found.pw_uid == 0:
        raise ServiceError("The gateway should not run as root: use --run-as with another user.")


def _separates() -> bool:
    """Whether this user's manager can isolate a service's file system: some kernels forbid it."""
    trial = tools.ask(
        *("systemd-run", "--user", "--wait", "--quiet", "--collect"),
        *("--property=PrivateUsers=yes", "--property=ProtectSystem=strict"),
        *("--property=PrivateTmp=yes", "/bin/true"),
    )
    return trial.returncode == 0


def _linger() -> list[str]:
    """Enable lingering. Without it, a user's services end with the last session and do not start
    at boot."""
    name = pwd.getpwuid(os.getuid()).pw_name
    if tools.ask("loginctl", "enable-linger", name).returncode == 0:
        return []
    return [
        "They stop when you log out. To keep them running and start them at boot, run this once: "
        f"sudo loginctl enable-linger {name}"
    ]
