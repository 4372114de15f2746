"""Runs `localllm …` as people and programs do."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.certificates import ONE_AUTHORITY
from tests.support.forked.process import in_text, run
from tests.support.gateway_process import free_port
from tests.support.paths import ROOT


class CommandLine:
    """Runs `localllm …` with settings of its own and nothing of ours."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.environ = {
            **ONE_AUTHORITY,
            "PATH": os.environ["PATH"],
            "HOME": str(data_dir),
            "DATA_DIR": str(data_dir),
            "PORT": str(free_port()),
            "OLLAMA_BASE_URL": f"http://127.0.0.1:{free_port()}",
        }

    def __call__(
        self, *arguments: str, cwd: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-m", "gateway", *arguments]
        return in_text(run(command, self.environ | environ, cwd or ROOT))

    def json(self, *arguments: str, **environ: str) -> Any:
        done = self(*arguments, "--json", **environ)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The line of a command that failed as it should."""
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stderr.startswith("localllm: ")
    assert done.stderr.count("\n") == 1
    return done.stderr
