"""Services on Windows: tasks of the Task Scheduler that start at boot or when the user logs in.

(A Windows service would have to talk to the service manager, which a plain program does not.)
"""

import tempfile
from pathlib import Path
from subprocess import list2cmdline
from xml.sax.saxutils import escape

from gateway.service import tools
from gateway.service.job import NAMES, Job, ServiceError, State

_TASK = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>{text}</Description></RegistrationInfo>
  <Triggers>{trigger}</Triggers>
  <Principals><Principal id="Author">
    <LogonType>{logon}</LogonType><RunLevel>LeastPrivilege</RunLevel>
  </Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author"><Exec>
    <Command>cmd.exe</Command>
    <Arguments>{arguments}</Arguments>
    <WorkingDirectory>{directory}</WorkingDirectory>
  </Exec></Actions>
</Task>
"""
_BOOT = "<BootTrigger><Enabled>true</Enabled></BootTrigger>"
_LOGIN = "<LogonTrigger><Enabled>true</Enabled></LogonTrigger>"


class Windows:
    """`system`: start at boot, whoever is logged in; otherwise when this user logs in."""

    def __init__(self, system: bool, data_dir: Path) -> None:
        self._system = system
        self._logs = data_dir / "logs"

    def files(self, jobs: list[Job]) -> dict[Path, str]:
        return {self._logs / f"{job.name}.xml": self.task(job) for job in jobs}

    def task(self, job: Job) -> str:
        return _TASK.format(
            text=escape(job.text),
            trigger=_BOOT if self._system else _LOGIN,
            logon="S4U" if self._system else "InteractiveToken",
            arguments=escape(self._arguments(job)),
            directory=escape(str(job.directory)),
        )

    def _arguments(self, job: Job) -> str:
        """The arguments of cmd.exe. Output goes to a new file at each start; the previous one is
        kept."""
        log = str(self._logs / f"{job.name}.log")
        for text in (*job.environment.values(), *job.command, log):
            if set(text) & set('"%^&|<>\n'):
                raise ServiceError(f"{text} cannot be used in a task: choose a plainer path.")
        given = " & ".join(f'set "{name}={text}"' for name, text in job.environment.items())
        run = list2cmdline(job.command)
        return f'/d /c "move /y "{log}" "{log}.1" >nul 2>&1 & {given} & {run} >"{log}" 2>&1"'

    def install(self, jobs: list[Job]) -> list[str]:
        self._logs.mkdir(parents=True, exist_ok=True)
        for job in jobs:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "task.xml")
                file.write_text(self.task(job), encoding="utf-16")
                tools.tell("schtasks", "/Create", "/F", "/TN", job.name, "/XML", str(file))
            tools.tell("schtasks", "/Run", "/TN", job.name)
        return []

    def uninstall(self) -> list[str]:
        there = [state.name for state in self.states() if state.state is not None]
        for name in reversed(there):  # the tunnel first
            tools.ask("schtasks", "/End", "/TN", name)
            tools.tell("schtasks", "/Delete", "/F", "/TN", name)
        return there

    def states(self) -> list[State]:
        return [self._state(name) for name in NAMES]

    def logs(self, follow: bool, lines: int) -> list[str]:
        files = ",".join(f"'{self._logs / name}.log'" for name in NAMES)
        show = f"Get-Content -Path {files} -Tail {lines} -ErrorAction SilentlyContinue"
        return ["powershell", "-NoProfile", "-Command", show + (" -Wait" if follow else "")]

    def _state(self, name: str) -> State:
        said = tools.ask("schtasks", "/Query", "/TN", name, "/FO", "CSV", "/NH")
        if said.returncode:
            return State(name, None, running=False)
        state = said.stdout.strip().rsplit(",", 1)[-1].strip('"')
        return State(name, state, running=state == "Running")
