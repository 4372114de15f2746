"""A script in the place of cloudflared, as package managers have one: it starts the real one."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.tunnel.supervised import alive
from tunnel import program
from tunnel.child import Child

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
    assert alive(real)
    await child.kill()
    async with asyncio.timeout(30):
        while alive(real):
            await asyncio.sleep(0)
        await telling


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
        while alive(real):
            await asyncio.sleep(0)
