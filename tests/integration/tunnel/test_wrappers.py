"""A script in the place of cloudflared, as package managers have one: it starts the real one."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.processes import is_alive
from tunnel import program, status_file
from tunnel.child import Child
from tunnel.orphan import kill_orphan
from tunnel.status_file import TunnelStatus

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere die_with_parent does it"),
]
WRAPPER = """#!/bin/sh
sleep 1000 &
echo $! >&2
wait
"""


@pytest.mark.parametrize("ends_first", [True, False])
async def test_what_it_started_ends_with_it(tmp_path: Path, *, ends_first: bool):
    wrapper = tmp_path / "cloudflared"
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o700)
    child = await Child.start(wrapper, [])
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    telling = asyncio.create_task(child.read_lines(lambda line: started.set_result(int(line))))
    real = await started
    if ends_first:
        child.terminate()
        while not child.ended:
            await asyncio.sleep(0)
    assert is_alive(real)
    await child.kill()
    async with asyncio.timeout(30):
        while is_alive(real):
            await asyncio.sleep(0)
        await telling


async def test_its_end_is_seen_though_what_it_started_holds_its_output(tmp_path: Path):
    wrapper = tmp_path / "cloudflared"
    wrapper.write_text("#!/bin/sh\nsleep 1000 &\necho $! >&2\nexit 7\n")
    wrapper.chmod(0o700)
    child = await Child.start(wrapper, [])
    lines: list[bytes] = []
    try:
        async with asyncio.timeout(60):
            assert await child.read_lines(lines.append) == 7
        assert is_alive(int(lines[0]))
    finally:
        await child.kill()
        await child.read_lines(lines.append)  # its pipe has closed with what held it


@pytest.mark.parametrize("led", [True, False], ids=["ours", "another's"])
async def test_what_a_dead_script_had_started_is_found_after_a_kill(tmp_path: Path, *, led: bool):
    script = [sys.executable, "-c", "import subprocess as s; print(s.Popen(['sleep', '99']).pid)"]
    with subprocess.Popen(script, stdout=subprocess.PIPE, start_new_session=True) as leader:
        assert leader.stdout is not None
        real = int(leader.stdout.readline())
    status = TunnelStatus("connected", 0.0, "named", "", 1, "", "1", 2**22 + 1, 1.0)
    number = leader.pid if led else leader.pid + 2**22
    written = replace(status, cloudflared_pid=number, cloudflared_started=1.0)
    status_file.write(tmp_path, written)
    try:
        assert await asyncio.to_thread(kill_orphan, tmp_path) is led
        assert led or is_alive(real)
        async with asyncio.timeout(60):
            while led and is_alive(real):
                await asyncio.sleep(0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(real, signal.SIGKILL)


async def test_one_that_hangs_is_no_cloudflared_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wrapper = tmp_path / "cloudflared"
    wrapper.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! > {tmp_path}/pid\nwait\n")
    wrapper.chmod(0o700)
    monkeypatch.setattr(program, "_PATIENCE", 5.0)
    async with asyncio.timeout(60):
        assert await program._version_text(wrapper) is None
        real = int((tmp_path / "pid").read_text())
        while is_alive(real):
            await asyncio.sleep(0)
