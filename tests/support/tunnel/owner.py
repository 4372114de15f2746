"""The owner of a machine with a stand-in for cloudflared: the commands they give."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.certificates import ONE_AUTHORITY
from tests.support.forked.process import in_text, run
from tests.support.gateway_process import Running, free_port
from tests.support.paths import ROOT


class Owner:
    """A home directory, a data directory, a port, and `localllm`."""

    def __init__(self, home: Path, stand_in: Path) -> None:
        self.home = home
        self.home.mkdir(exist_ok=True)
        self.data_dir = home / "data"
        self.folder = self.data_dir / "tunnel"
        self.stand_in = stand_in
        self.port = free_port()
        self.environ = {
            **ONE_AUTHORITY,
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "CLOUDFLARED_PATH": str(stand_in / "cloudflared"),
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "gateway", "tunnel", *words]

    def does(
        self, *words: str, given: str | None = None, code: int = 0
    ) -> "subprocess.CompletedProcess[str]":
        """The finished command, which has to end with that code and without a traceback."""
        done = in_text(run(self.command(*words), self.environ, self.home, (given or "").encode()))
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def fails(self, *words: str, given: str | None = None, code: int = 1) -> str:
        """The one line that says why."""
        lines = self.does(*words, given=given, code=code).stderr.strip().splitlines()
        [told] = [line for line in lines if line.startswith("localllm: ")]
        return told.removeprefix("localllm: ")

    def status(self) -> dict[str, Any]:
        done = run(self.command("status", "--json"), self.environ, self.home)
        state: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if state["state"] == "connected" else 1)
        return state

    def runs(self, *words: str) -> Running:
        return Running(self.command("run", *words), self.environ, self.home)

    def in_terminal(self, *words: str, answers: list[tuple[str, str]]) -> tuple[int, str]:
        """The exit code, and what was on the screen."""
        order = json.dumps({"command": self.command(*words), "answers": answers})
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.terminal", order],
            env={**self.environ, "PYTHONPATH": str(ROOT)}, cwd=self.home,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout
