"""The system's tools, as stand-ins on the PATH: here nothing runs services."""

import json
import sys
from pathlib import Path

TOOLS = ("systemctl", "systemd-run", "loginctl", "journalctl", "launchctl", "schtasks")
SCRIPT = Path(__file__).with_name("stand_in_tool.py")


class Tools:
    """Put `folder` on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "calls.txt").touch()
        self.answer({})
        for name in TOOLS:
            tool = folder / name
            tool.write_text(f"#!{sys.executable}\n{SCRIPT.read_text()}")
            tool.chmod(0o755)

    def answer(self, answers: dict[str, tuple[int, str]]) -> None:
        """What a call that begins so gives: (exit code, text). All others succeed in silence."""
        (self.folder / "answers.json").write_text(json.dumps(answers))

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls.txt").read_text().splitlines()
