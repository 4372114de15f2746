"""What doctor sees of this machine: who listens where, models elsewhere, the tunnel."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from msgspec.structs import replace

from gateway.backends import probe
from gateway.checks import listening, models, tunnels
from gateway.config.settings import Settings
from tests.support.serving import serving
from tunnel import named_tunnel, status_file
from tunnel.status_file import TunnelStatus

pytestmark = pytest.mark.anyio
RUNNING = TunnelStatus(
    *("connected", time.time(), "named", "llm.example.com", 4, "", "2026.8.2"),
    *(os.getpid(), status_file.start_time(os.getpid())),
)


@pytest.fixture
async def listens() -> AsyncIterator[int]:
    """A port on all addresses of this machine."""

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(take, "0.0.0.0", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
async def test_an_ollama_that_others_reach_is_named(
    monkeypatch: pytest.MonkeyPatch, listens: int, host: str
):
    # Another address of this machine, whatever network it is in; here it is one of loopback.
    monkeypatch.setattr(listening, "_addresses", lambda: ["127.0.0.2"])
    loaded = Settings(ollama_base_url=(f"http://{host}:{listens}",))
    found = await listening.exposed(loaded)
    assert (found.check, found.state) == ("exposed", "warn")
    assert f"127.0.0.2 port {listens}" in found.text
    assert "OLLAMA_HOST=127.0.0.1" in found.text


async def test_one_that_listens_for_this_machine_only_is_well(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "_addresses", lambda: ["127.0.0.2"])
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        loaded = Settings(ollama_base_url=(f"http://127.0.0.1:{port}",))
        assert (await listening.exposed(loaded)).state == "ok"


async def test_one_on_another_machine_is_not_tried(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "_answers", None)
    found = await listening.exposed(Settings(ollama_base_url=("http://192.0.2.1:11434",)))
    assert found.state == "ok"


def test_the_addresses_that_are_tried_are_not_those_of_loopback():
    assert not [one for one in listening._addresses() if one.startswith(("127.", "::1", "fe80"))]


@pytest.mark.parametrize(
    ("host", "container", "state"),
    [
        *(("127.0.0.1", False, "ok"), ("::1", False, "ok"), ("localhost", False, "ok")),
        *(("0.0.0.0", False, "warn"), ("::", False, "warn"), ("192.0.2.1", False, "warn")),
        ("0.0.0.0", True, "ok"),
    ],
)
def test_a_gateway_that_listens_for_others_should_mean_it(
    monkeypatch: pytest.MonkeyPatch, host: str, container: bool, state: str
):
    monkeypatch.setattr(listening, "in_container", lambda: container)
    assert listening.host(Settings(host=host)).state == state


async def test_a_data_directory_that_cannot_be_looked_at_is_named_and_ends_no_other_check():
    nowhere = Path("/") / ("x" * 300)  # as another user's does, this fails otherwise than missing
    found = await tunnels.cloudflared(Settings(data_dir=nowhere))
    assert found.state == "fail"
    assert f"{nowhere}/tunnel" in found.text


async def cloud_of(status: object, tags: list[dict[str, object]], allowed: bool = False) -> str:
    """What is said of an Ollama that answers so, after its state."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path == "/api/status":
            return web.json_response(status) if status else web.Response(status=404)
        return web.json_response({"version": "0.33.0", "models": tags})

    server = web.Server(answer, access_log=None)  # type: ignore[arg-type]
    async with serving(web.ServerRunner(server)) as url:
        found = models.cloud(await probe.look_at_all([url]), allowed=allowed)
        return f"{found.state} {found.text}"


ON = {"cloud": {"disabled": False, "source": "none"}}
OFF = {"cloud": {"disabled": True, "source": "env"}}
LOCAL: dict[str, object] = {"name": "qwen2.5:7b"}


async def test_models_that_run_elsewhere_are_named():
    alias: dict[str, object] = {"name": "my-own", "remote_host": "https://ollama.com:443"}
    for tags in ([LOCAL, {"name": "gpt-oss:120b-cloud"}], [alias]):
        told = await cloud_of(OFF, tags)
        assert told.startswith("warn")
        assert "OLLAMA_NO_CLOUD=1" in told
        assert "qwen" not in told


async def test_an_open_cloud_is_told_and_a_closed_or_unknown_one_is_well():
    assert (await cloud_of(ON, [LOCAL])).startswith("warn")
    assert (await cloud_of(OFF, [LOCAL])).startswith("ok")
    assert (await cloud_of(None, [{"name": "x", "remote_host": None}])).startswith("ok")
    assert "ALLOW_CLOUD_MODELS is true" in await cloud_of(OFF, [LOCAL], allowed=True)


def test_a_tunnel_is_shown_as_it_is(tmp_path: Path):
    loaded = Settings(data_dir=tmp_path)
    assert tunnels.tunnel(loaded, None).state == "ok"
    assert "llm.example.com, 4 connections" in tunnels.tunnel(loaded, RUNNING).text
    trial = tunnels.tunnel(loaded, replace(RUNNING, kind="quick"))
    assert (trial.state, "tunnel setup" in trial.text) == ("ok", True)
    broken = replace(RUNNING, state="restarting", connections=0, problem="The token is wrong: …")
    assert tunnels.tunnel(loaded, broken).text.endswith("restarting. The token is wrong: …")
    for state in ("starting", "reconnecting", "restarting", "stopping"):
        assert tunnels.tunnel(loaded, replace(RUNNING, state=state)).state == "warn"


def test_one_that_is_set_up_should_run(tmp_path: Path):
    loaded = Settings(data_dir=tmp_path)
    folder = tmp_path / status_file.FOLDER
    folder.mkdir()
    named_tunnel.write(folder, named_tunnel.NamedTunnel("token", "id", "llm.example.com"))
    found = tunnels.tunnel(loaded, None)
    assert (found.state, "localllm tunnel run" in found.text) == ("warn", True)
    (folder / "named.json").write_text("{")
    assert tunnels.tunnel(loaded, None).state == "fail"
    external = Settings(tunnel_hostname="llm.example.com", data_dir=tmp_path / "other")
    assert tunnels.tunnel(external, None).state == "ok"
