"""All checks of doctor together: none keeps the others waiting."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.checks import checkup
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.paths import ROOT
from tests.support.tunnel.up import Up, up


def environ(it: Up, **changes: str) -> dict[str, str]:
    return it.gateway._environ | {"PYTHONPATH": str(ROOT)} | changes


def doctor(it: Up, *words: str, code: int = 0) -> dict[str, dict[str, str]]:
    """The findings by name, in their order."""
    command = [sys.executable, "-m", "gateway", "doctor", "--json", *words]
    done = subprocess.run(
        command, env=environ(it), cwd=it.gateway.data_dir, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr + done.stdout
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["ok"] is (code == 0)
    assert "for-tests-only" not in done.stdout
    return {one["check"]: one for one in report["checks"]}


@pytest.fixture
def it(upstream: FakeUpstream, dsn: str, stand_in: Path):
    with up(upstream, dsn, stand_in, OLLAMA_DEFAULT_MODEL=MODEL) as it:
        yield it


@pytest.mark.anyio
async def test_a_check_that_takes_too_long_is_given_up_and_the_others_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    import asyncio

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkup, "PATIENCE", 0.05)
    monkeypatch.setattr(checkup.models, "model_servers", never)
    told: list[str] = []
    found = await checkup.examine(lambda _: None, lambda one: told.append(one.check))
    late = {one.check: one for one in found}["ollama"]
    assert (late.state, "no result within" in late.text) == ("fail", True)
    assert told == [one.check for one in found]
    assert told[-1] == "public"
