"""Installing the pinned cloudflared: verified before it can be executed, or removed and named."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import tunnel.download
from tests.support.paths import ROOT
from tests.support.tunnel.release_server import (
    PROGRAM,
    client_tls,
    release_server,
    served,
)
from tunnel.install import install

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("at_once")]
HOLD = """
import sys
from fasteners import InterProcessLock
with InterProcessLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""
PLAIN, PACKED = "cloudflared-linux-amd64", "cloudflared-darwin-arm64.tgz"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel.download, "PAUSE", 0)


def executables(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.stat().st_mode & 0o111]


async def test_two_installers_at_once_download_it_once(tmp_path: Path):
    async with release_server() as server:
        release = served(server, PLAIN, PROGRAM)
        server.gate.clear()  # the first one is held in the middle, until the others wait
        words = (
            *("-m", "tests.support.tunnel.installer", release.url),
            str(release.size),
            release.sha256,
        )
        others = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, *words, str(tmp_path)), stdout=PIPE, cwd=ROOT
            )
            for _ in range(3)
        ]
        await server.reached.wait()
        server.gate.set()
        outputs = [(await other.communicate())[0].decode().splitlines() for other in others]
    assert [other.returncode for other in others] == [0, 0, 0]
    assert {lines[0] for lines in outputs} == {str(tmp_path / "cloudflared-2026.8.2")}
    assert len(server.asked) == 1
    assert executables(tmp_path) == ["cloudflared-2026.8.2"]


async def test_who_waits_for_another_installer_is_told(tmp_path: Path):
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, str(tmp_path / "install.lock")), stdin=PIPE, stdout=PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    await holder.stdout.readline()
    told = asyncio.Event()
    async with release_server() as server:
        release = served(server, PLAIN, PROGRAM)
        waiting = asyncio.create_task(
            install(release, tmp_path, lambda _: told.set(), lambda *_: None, client_tls())
        )
        await told.wait()
        assert server.asked == []
        holder.stdin.close()
        await holder.wait()
        assert (await waiting).read_bytes() == PROGRAM
