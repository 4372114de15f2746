"""A command that asks its user, and waits for the answers."""

import os
import select
import subprocess
from pathlib import Path

from tests.support.gateway_process import PATIENCE


class Asking:
    """What it says is read as far as a test waits for it."""

    def __init__(self, command: list[str], environ: dict[str, str], cwd: Path) -> None:
        self.said = ""
        self._read = 0  # up to there it was waited for
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
            cwd=cwd,
        )

    def until(self, words: str) -> None:
        """Read up to these words, which may end in no new line."""
        assert self.process.stdout is not None
        while (found := self.said.find(words, self._read)) < 0:
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            read = os.read(self.process.stdout.fileno(), 4096).decode() if ready else ""
            assert read, self.said
            self.said += read
        self._read = found + len(words)

    def answers(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def ends(self) -> int:
        out, _ = self.process.communicate(timeout=PATIENCE)
        self.said += out.decode()
        return self.process.returncode
