"""What doctor sees of this machine: who listens where, models elsewhere, cloudflared, tunnel."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.checks import tunnels
from gateway.config.settings import Settings
from tests.support.cloudflared import scenario

pytestmark = pytest.mark.anyio


@pytest.fixture
async def listens() -> AsyncIterator[int]:
    """A port on all addresses of this machine."""

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(take, "0.0.0.0", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


LOCAL: dict[str, object] = {"name": "qwen2.5:7b"}


async def test_the_cloudflared_in_use_is_named(tmp_path: Path):
    loaded = Settings(data_dir=tmp_path, cloudflared_path=scenario.install(tmp_path / "c"))
    assert (await tunnels.cloudflared(loaded)).text == f"2026.8.2: {tmp_path}/c/cloudflared"
    scenario.write(tmp_path / "c", version="2024.1.1")
    found = await tunnels.cloudflared(loaded)
    assert found.state == "fail"
    assert "older than" in found.text


async def test_none_is_needed_and_an_old_one_on_path_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", f"{tmp_path}/nothing")
    assert (await tunnels.cloudflared(Settings(data_dir=tmp_path))).state == "ok"
    scenario.install(tmp_path / "old", version="2024.1.1")
    monkeypatch.setenv("PATH", str(tmp_path / "old"))
    found = await tunnels.cloudflared(Settings(data_dir=tmp_path))
    assert found.state == "ok"
    assert "not used" in found.text
