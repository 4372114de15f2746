"""Whether a tunnel is there: told by its keeper alone, and believed only while that lives."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from tunnel import presence
from tunnel.backoff import LONGEST, pause
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


def test_a_dead_one_is_not_nor_another_process_with_its_number(tmp_path: Path):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(other.pid).create_time()
    presence.tell(tmp_path, told_by(other.pid, started))
    assert presence.current(tmp_path) is not None
    presence.tell(tmp_path, told_by(other.pid, started - 60))
    assert presence.current(tmp_path) is None
    presence.tell(tmp_path, told_by(other.pid, started))
    other.communicate(b"\n")
    assert presence.current(tmp_path) is None
    assert presence.start_time(2**22 + 1) == 0.0


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


def test_pauses_double_up_to_a_minute_and_differ_between_machines():
    assert [pause(n, "named", lambda: 1.0) for n in range(1, 8)] == [1, 2, 4, 8, 16, 32, 60]
    assert pause(1, "quick", lambda: 1.0) == 5.0
    assert pause(10**6, "quick", lambda: 1.0) == LONGEST
    assert pause(3, "named", lambda: 0.0) == 2.0
    assert len({pause(3, "named") for _ in range(20)}) > 1
