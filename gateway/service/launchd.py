"""launchd services on macOS: agents of one user, or daemons of the system."""

import os
import plistlib
from pathlib import Path

from gateway.service import tools
from gateway.service.job import NAMES, Job, State

LOG_SIZE = 1000  # kB, for newsyslog
LOGS_KEPT = 5


class Launchd:
    """`account`: the user that system daemons run as; None: the user's own agents."""

    def __init__(self, account: str | None, data_dir: Path) -> None:
        self._account = account
        self._logs = data_dir / "logs"
        self._domain = "system" if account else f"gui/{_uid()}"
        self._folder = Path("/Library/LaunchDaemons") if account else _agents(Path.home())

    def files(self, jobs: list[Job]) -> dict[Path, str]:
        return {self._path(job.name): self.plist(job) for job in jobs}

    def plist(self, job: Job) -> str:
        log = str(self._logs / f"{job.name}.log")
        content = {
            "Label": job.name,
            "ProgramArguments": list(job.command),
            "EnvironmentVariables": dict(job.environment),
            "WorkingDirectory": str(job.directory),
            "RunAtLoad": True,
            "KeepAlive": True,
            "ThrottleInterval": 5,
            "ExitTimeOut": job.stop_seconds,
            "Umask": 0o077,
            "ProcessType": "Interactive",  # other types are throttled
            "StandardOutPath": log,
            "StandardErrorPath": log,
        }
        if self._account:
            content["UserName"] = self._account
        return plistlib.dumps(content).decode()

    def install(self, jobs: list[Job]) -> list[str]:
        tools.write(self.files(jobs))
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for job in jobs:
            tools.ask("launchctl", "bootout", f"{self._domain}/{job.name}")  # of an older install
            tools.tell("launchctl", "bootstrap", self._domain, str(self._path(job.name)))
        rule = self._logs / "newsyslog.conf"
        tools.write({rule: self.rotation(jobs)})
        return [
            "To have the system rotate the logs, run this once: "
            f"sudo cp '{rule}' /etc/newsyslog.d/localllm.conf"
        ]

    def rotation(self, jobs: list[Job]) -> str:
        """Lines for newsyslog: file, owner, mode, count, size in kB, no time, compressed."""
        owner = self._account or Path.home().name
        return "".join(
            f"{self._logs / job.name}.log {owner}: 600 {LOGS_KEPT} {LOG_SIZE} * J\n" for job in jobs
        )

    def uninstall(self) -> list[str]:
        there = [name for name in NAMES if self._path(name).exists()]
        for name in reversed(there):  # the tunnel first, so that its streams can end
            tools.ask("launchctl", "bootout", f"{self._domain}/{name}")
            tools.remove(self._path(name))
        return there

    def states(self) -> list[State]:
        return [self._state(name) for name in NAMES]

    def logs(self, follow: bool, lines: int) -> list[str]:
        files = [str(self._logs / f"{name}.log") for name in NAMES]
        there = [file for file in files if Path(file).exists()] or files[:1]
        return ["tail", "-n", str(lines), *(["-F"] if follow else []), *there]

    def _state(self, name: str) -> State:
        if not self._path(name).exists():
            return State(name, None, running=False)
        said = tools.ask("launchctl", "print", f"{self._domain}/{name}")
        if said.returncode:
            return State(name, "not loaded", running=False)
        lines = (line.strip() for line in said.stdout.splitlines())
        state = next((line[8:] for line in lines if line.startswith("state = ")), "unknown")
        return State(name, state, running=state == "running")

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.plist"


def _agents(home: Path) -> Path:
    return home / "Library" / "LaunchAgents"


def _uid() -> int:
    return getattr(os, "getuid", lambda: 0)()
