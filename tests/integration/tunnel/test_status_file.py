"""A tunnel counts as running only while the process that wrote its status lives."""

import subprocess
import sys
from pathlib import Path

import psutil

from tunnel import status_file
from tunnel.status_file import TunnelStatus


def written_by(pid: int, started: float) -> TunnelStatus:
    return TunnelStatus("connected", 1.0, "quick", "x.example.com", 1, "", "2026.8.2", pid, started)


def test_a_dead_supervisor_counts_as_none_even_if_its_number_was_reused(tmp_path: Path):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(other.pid).create_time()
    status_file.write(tmp_path, written_by(other.pid, started))
    assert status_file.current(tmp_path) is not None
    status_file.write(tmp_path, written_by(other.pid, started - 60))
    assert status_file.current(tmp_path) is None
    status_file.write(tmp_path, written_by(other.pid, started))
    other.communicate(b"\n")
    assert status_file.current(tmp_path) is None
    assert status_file.start_time(2**22 + 1) == 0.0
