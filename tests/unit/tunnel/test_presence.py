"""Whether a tunnel is there: told by its keeper alone, and in a file that may be damaged."""

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from tunnel import presence
from tunnel.presence import Presence, Running


def told_by(pid: int, started: float) -> Running:
    return Running("connected", 1.0, "quick", "x.example.com", 1, "", "2026.8.2", pid, started)


def test_a_living_keeper_is_believed(tmp_path: Path):
    assert presence.current(tmp_path) is None
    mine = told_by(os.getpid(), presence.start_time(os.getpid()))
    presence.tell(tmp_path, mine)
    assert presence.current(tmp_path) == mine
    presence.withdraw(tmp_path)
    presence.withdraw(tmp_path)
    assert presence.current(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "{", '{"state": "connected"}'])
def test_a_damaged_file_is_no_tunnel(tmp_path: Path, text: str):
    (tmp_path / "running.json").write_text(text)
    assert presence.current(tmp_path) is None


@pytest.mark.parametrize("value", ["x", None, -1, 2**70, [1]])
def test_strange_values_are_no_tunnel(tmp_path: Path, value: object):
    row = {**asdict(told_by(1, 0.0)), "keeper": value}
    (tmp_path / "running.json").write_text(json.dumps(row))
    assert presence.current(tmp_path) is None


@pytest.mark.anyio
async def test_it_is_watched_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(presence, "INTERVAL", 0.01)
    there = Presence(tmp_path)
    watching = asyncio.create_task(there.watch())
    try:
        presence.tell(tmp_path, told_by(os.getpid(), 0))
        async with asyncio.timeout(30):
            while there.running is None:
                await asyncio.sleep(0)
            presence.withdraw(tmp_path)
            while there.running is not None:
                await asyncio.sleep(0)
    finally:
        watching.cancel()
