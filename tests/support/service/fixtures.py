"""What tests of the services need. A conftest that wants it imports it."""

from pathlib import Path

import pytest

from gateway.service.job import Job
from tests.support.service.tools import Tools


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """An empty home, and the system's tools as stand-ins."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    found = Tools(tmp_path / "tools")
    monkeypatch.setenv("PATH", f"{found.folder}:/usr/bin:/bin")
    return found


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(
        name="localllm",
        text="localllm: 100 %",
        command=("/bin/sh", "-c", 'echo "$HOME" 50%'),
        environment={"DATA_DIR": "/var/lib/local llm", "ODD": 'a"b\\c'},
        directory=tmp_path,
        writable=(Path("/var/lib/local llm"),),
        stop_seconds=35,
    )
