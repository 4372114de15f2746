"""Whether a tunnel is there: told by its keeper alone, and in a file that may be damaged."""

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from tunnel import status_file
from tunnel.status_file import StatusWatcher, TunnelStatus


def told_by(pid: int, started: float) -> TunnelStatus:
    return TunnelStatus("connected", 1.0, "quick", "x.example.com", 1, "", "2026.8.2", pid, started)


def test_a_living_keeper_is_believed(tmp_path: Path):
    assert status_file.current(tmp_path) is None
    mine = told_by(os.getpid(), status_file.start_time(os.getpid()))
    status_file.write(tmp_path, mine)
    assert status_file.current(tmp_path) == mine
    status_file.remove(tmp_path)
    status_file.remove(tmp_path)
    assert status_file.current(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "{", '{"state": "connected"}'])
def test_a_damaged_file_is_no_tunnel(tmp_path: Path, text: str):
    (tmp_path / "running.json").write_text(text)
    assert status_file.current(tmp_path) is None


@pytest.mark.parametrize("value", ["x", None, -1, 2**70, [1]])
def test_strange_values_are_no_tunnel(tmp_path: Path, value: object):
    row = {**asdict(told_by(1, 0.0)), "supervisor_pid": value}
    (tmp_path / "running.json").write_text(json.dumps(row))
    assert status_file.current(tmp_path) is None


@pytest.mark.anyio
async def test_it_is_watched_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(status_file, "INTERVAL", 0.01)
    there = StatusWatcher(tmp_path)
    watching = asyncio.create_task(there.watch())
    try:
        status_file.write(tmp_path, told_by(os.getpid(), 0))
        async with asyncio.timeout(30):
            while there.status is None:
                await asyncio.sleep(0)
            status_file.remove(tmp_path)
            while there.status is not None:
                await asyncio.sleep(0)
    finally:
        watching.cancel()
