"""The embedded server: start it, or use one that is already running; restart it; stop it."""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.embedded import address, binaries, cluster, postmaster, sharing
from gateway.embedded.account import server_account
from gateway.embedded.problems import EmbeddedError, explain_log, explained
from tunnel import private_files

_START_SECONDS = 300.0  # recovery after a power failure can take minutes
_STOP_SECONDS = 20.0
_REMAINS_SECONDS = 30.0  # the child processes of a killed server live on for a moment
_LOG_BYTES = 1_000_000


class EmbeddedPostgres:
    """The Postgres of one data directory, shared by all processes that use the directory.

    The server ends when the last of them stops it. If a process is killed, its server keeps running
    and the next process uses it.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.log = self.data_dir / "postgres.log"
        self._joined = False
        self._binaries: binaries.Binaries | None = None
        self._cluster = self.data_dir / "postgres"
        self._address: address.Address | None = None

    def start(self, report: Callable[[str], None]) -> str:
        """Create the cluster if there is none, and start its server if necessary; the DSN."""
        with explained(self.data_dir):
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with sharing.exclusively(self.data_dir, report):
                account = server_account()
                self._binaries = binaries.find(account, report)
                self._cluster = cluster.place(self.data_dir, account, report)
                exists = cluster.check(self._cluster, account)
                password = cluster.password(self.data_dir, make=not exists)
                if not exists:
                    report("Creating the database.")
                    cluster.make(self._binaries, self.data_dir, self._cluster, password, self.log)
                if not self._joined:
                    sharing.join(self.data_dir)
                    self._joined = True
                try:
                    found = self._bring_up(self._binaries, report)
                except BaseException:
                    self._leave()
                    raise
        return found.dsn(cluster.SUPERUSER, password)

    def is_running(self) -> bool:
        found = postmaster.running(self._cluster)
        return found is not None and found.ready

    def ensure_running(self) -> bool:
        """Restart the server if it has died; whether it had. For use after `start`."""
        if self._binaries is None:
            raise EmbeddedError("The database has not been started yet.")
        if self.is_running():
            self._trim_log()
            return False
        with explained(self.data_dir), sharing.exclusively(self.data_dir, _silent):
            dead = not self.is_running()
            self._bring_up(self._binaries, _silent)
        return dead

    def stop(self) -> None:
        """Stop using the server. It ends unless another process uses it."""
        if self._joined:
            with explained(self.data_dir), sharing.exclusively(self.data_dir, _silent):
                self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _bring_up(self, tools: binaries.Binaries, report: Callable[[str], None]) -> address.Address:
        """Use a running server, wait for one that is starting or stopping, or start one. To be
        called under the lock."""
        deadline = time.monotonic() + _START_SECONDS
        waiting = False
        while (found := postmaster.running(self._cluster)) and not found.ready:
            if not waiting:
                report("Waiting for the database, which is recovering or stopping.")
                waiting = True
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"The database in {self._cluster} does not get ready: see {self.log}, "
                    f"and kill process {found.pid} if it hangs."
                )
            time.sleep(0.05)
        if found is None:
            self._address = self._launch(tools)
        else:
            self._address = found.address
        return self._address

    def _launch(self, tools: binaries.Binaries) -> address.Address:
        wanted = address.choose(self._cluster, tools.account, self._address)
        cluster.configure(self._cluster, wanted.setting, tools.account)
        self._trim_log()
        patience = time.monotonic() + _REMAINS_SECONDS
        while True:
            postmaster.forget_dead(self._cluster, wanted)
            begun = self.log.stat().st_size
            if self._control(tools, "start", _START_SECONDS) == 0:
                return wanted
            said = cluster.tail(self.log, begun)
            remains = "shared memory block" in said or "lock file" in said
            if not remains or time.monotonic() > patience:
                raise EmbeddedError(explain_log(said, self._cluster, self.log))
            time.sleep(0.05)

    def _leave(self) -> None:
        """Leave, and stop the server if nobody else uses it. To be called under the lock."""
        self._joined = False
        if not sharing.leave(self.data_dir) or self._binaries is None:
            return
        running = postmaster.running(self._cluster)
        if running is None:
            return
        for mode in ("fast", "immediate"):  # both lose nothing; fast needs no recovery later
            if self._control(self._binaries, "stop", _STOP_SECONDS, f"--mode={mode}") == 0:
                address.remove_private(self._cluster, running.address)
                return

    def _control(self, tools: binaries.Binaries, action: str, seconds: float, *options: str) -> int:
        limit = f"--timeout={seconds:.0f}"
        with private_files.append(self.log) as output:
            return tools.run(
                *("pg_ctl", action, "--wait", "--silent", limit, *options),
                cluster=self._cluster,
                output=output,
                timeout=seconds + 10,
            )

    def _trim_log(self) -> None:
        """Empty a log that has grown large. The server only appends, so this is safe."""
        with explained(self.log), private_files.append(self.log) as output:
            if output.tell() > _LOG_BYTES:
                output.truncate(0)


def _silent(_: str) -> None:
    pass
