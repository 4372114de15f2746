"""No cloudflared outlives its supervisor, not even after a `kill -9`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.cloudflared import scenario
from tests.support.paths import ROOT
from tests.support.processes import is_alive
from tests.support.tunnel.supervised import PATIENCE, supervised
from tunnel import die_with_parent, private_files, status_file
from tunnel.status_file import TunnelStatus

WAYS = pytest.mark.parametrize(
    "how",
    [
        pytest.param(
            "kernel",
            marks=pytest.mark.skipif(not die_with_parent.KERNEL_KILLS_CHILD, reason="no Linux"),
        ),
        "pipe",
    ],
)


@contextmanager
def supervisor(stand_in: Path, how: str) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """A process that supervises a tunnel, and the process ids that must not outlive it."""
    words = [
        sys.executable,
        "-m",
        "tests.support.tunnel.supervisor_process",
        str(stand_in),
        str(stand_in.parent / "t"),
    ]
    with subprocess.Popen([*words, how], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(process.stdout.readline()), scenario.starts(stand_in)[0]["pid"]]
        assert (pids[0] == pids[1]) == (how == "kernel")
        try:
            yield process, pids
        finally:
            process.kill()
            for pid in filter(is_alive, pids):
                os.kill(pid, signal.SIGKILL)


def wait_until_gone(pids: list[int]) -> None:
    end = time.monotonic() + PATIENCE
    while any(map(is_alive, pids)):
        assert time.monotonic() < end, "it lives on"
        time.sleep(0.01)  # a look at what the system does, no timing


@WAYS
def test_a_killed_supervisor_leaves_no_cloudflared(stand_in: Path, how: str):
    with supervisor(stand_in, how) as (process, pids):
        assert all(map(is_alive, pids))
        process.kill()
        process.wait(60)
        wait_until_gone(pids)
    assert status_file.current(stand_in.parent / "t") is None  # though its file is still there
    assert status_file.last_written(stand_in.parent / "t") is not None


@WAYS
def test_a_supervisor_that_stops_in_order_leaves_none_either(stand_in: Path, how: str):
    """SIGINT ends it as an exception does."""
    with supervisor(stand_in, how) as (process, pids):
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert not any(map(is_alive, pids))


def test_one_whose_parent_died_before_the_kernel_knew_does_not_start(tmp_path: Path):
    mark = tmp_path / "ran"
    words = [sys.executable, "-m", "tunnel.die_with_parent", "1", "/usr/bin/touch", str(mark)]
    if not die_with_parent.KERNEL_KILLS_CHILD:
        pytest.skip("no Linux")
    assert os.getpid() != 1
    assert subprocess.run(words, cwd=ROOT, check=False).returncode == 1
    assert not mark.exists()


@pytest.mark.parametrize(
    ("script", "number", "code"),
    [
        ("echo; exit 255", None, 255),
        ("trap 'exit 7' TERM; echo; while :; do sleep 0.01; done", signal.SIGTERM, 7),
        ("echo; kill -9 $$", None, 128 + 9),
    ],
)
def test_the_portable_wrapper_passes_signals_and_exit_codes_on(
    script: str, number: signal.Signals | None, code: int
):
    words = [
        sys.executable,
        "-m",
        "tests.support.tunnel.portable_die_with_parent",
        "0",
        "/bin/sh",
        "-c",
        script,
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe) as wrapped:
        assert wrapped.stdout is not None
        wrapped.stdout.readline()
        if number is not None:
            wrapped.send_signal(number)
        assert wrapped.wait(PATIENCE) == code


@pytest.mark.anyio
async def test_one_that_was_left_behind_is_ended_by_the_next_supervisor(
    stand_in: Path, caplog: pytest.LogCaptureFixture
):
    """As after the crash of a supervisor whose pipe another process had inherited."""
    folder = private_files.private_folder(stand_in.parent / "tunnel")
    left = subprocess.Popen(
        [str(stand_in / "cloudflared"), "tunnel", "--config", "/dev/null", "--url", "http://x"],
        stderr=subprocess.DEVNULL,
    )
    times = psutil.Process(left.pid).create_time()
    gone = TunnelStatus("connected", 0, "quick", "", 1, "", "", 2**22 + 1, 0.0, left.pid, times, 1)
    status_file.write(folder, gone)
    assert status_file.current(folder) is None
    async with supervised(stand_in) as running:
        await running.connected()
        assert left.wait(PATIENCE) == -signal.SIGKILL
    assert "an earlier localllm had left behind" in caplog.text


@pytest.mark.anyio
async def test_another_program_with_that_number_is_left_alone(stand_in: Path):
    folder = private_files.private_folder(stand_in.parent / "tunnel")
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    times = psutil.Process(other.pid).create_time()
    for started in (times, times - 1000):
        gone = TunnelStatus(
            "connected", 0, "quick", "", 1, "", "", 2**22 + 1, 0, other.pid, started, 1
        )
        status_file.write(folder, gone)
        async with supervised(stand_in) as running:
            await running.connected()
    assert other.poll() is None
    other.communicate(b"\n")
