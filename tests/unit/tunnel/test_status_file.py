"""The status file of a running tunnel: written, read, watched, and perhaps damaged."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from msgspec.json import encode

from tunnel import status_file
from tunnel.status_file import StatusWatcher, TunnelStatus


def written_by(pid: int, started: float) -> TunnelStatus:
    return TunnelStatus("connected", 1.0, "quick", "x.example.com", 1, "", "2026.8.2", pid, started)


def test_the_status_of_a_living_supervisor_counts(tmp_path: Path):
    assert status_file.current(tmp_path) is None
    mine = written_by(os.getpid(), status_file.start_time(os.getpid()))
    status_file.write(tmp_path, mine)
    assert status_file.current(tmp_path) == mine
    status_file.remove(tmp_path)
    status_file.remove(tmp_path)
    assert status_file.current(tmp_path) is None


def test_a_tunnel_that_an_earlier_version_runs_is_seen(tmp_path: Path):
    started = status_file.start_time(os.getpid())
    row = {
        **{"state": "connected", "since": 1.0, "kind": "quick", "hostname": "x.example.com"},
        **{"connections": 1, "problem": "", "version": "2026.8.2", "metrics_port": 20241},
        **{"keeper": os.getpid(), "keeper_started": started, "child": 0, "child_started": 0.0},
    }
    (tmp_path / "running.json").write_text(json.dumps(row))
    status = status_file.current(tmp_path)
    assert status is not None
    assert status.supervisor_pid == os.getpid()


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "{", '{"state": "connected"}'])
def test_a_damaged_file_is_no_tunnel(tmp_path: Path, text: str):
    (tmp_path / "running.json").write_text(text)
    assert status_file.current(tmp_path) is None


@pytest.mark.parametrize("value", ["x", None, -1, 2**70, [1]])
def test_strange_values_are_no_tunnel(tmp_path: Path, value: object):
    row = {**json.loads(encode(written_by(1, 0.0))), "keeper": value}
    (tmp_path / "running.json").write_text(json.dumps(row))
    assert status_file.current(tmp_path) is None


@pytest.mark.anyio
async def test_a_watcher_follows_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(status_file, "INTERVAL", 0.01)
    there = StatusWatcher(tmp_path)
    watching = asyncio.create_task(there.watch())
    try:
        status_file.write(tmp_path, written_by(os.getpid(), 0))
        async with asyncio.timeout(30):
            while there.status is None:
                await asyncio.sleep(0)
            status_file.remove(tmp_path)
            while there.status is not None:
                await asyncio.sleep(0)
    finally:
        watching.cancel()
