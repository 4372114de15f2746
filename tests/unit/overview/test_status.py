"""What the status says of a gateway whose store and model server are away, or slow."""

import asyncio
from pathlib import Path

import pytest

from gateway.backends.loaded import LoadedModels
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.overview import machines
from gateway.overview.machines import Machines
from tests.support.bare_gateway import bare_gateway

pytestmark = pytest.mark.anyio


async def test_a_store_that_is_away_is_told_and_its_figures_are_not_made_up(tmp_path: Path):
    with bare_gateway(tmp_path, tunnel_hostname="llm.example.com") as services:
        services.store.gateways = 1
        told = await services.status.read()
        await services.pool.close()
    assert told["store"] == {"kind": "embedded", "state": "down", "latency_ms": None}
    assert (told["today"], told["month"]) == (None, None)
    assert (told["backends"][0]["state"], told["backends"][0]["kind"]) == ("down", "unknown")
    assert told["address"] == "https://llm.example.com"
    assert told["tunnel"]["state"] == "none"
    assert told["tunnel"]["hostname"] == "llm.example.com"


class Slow:
    """A model server that never says what it has in memory."""

    async def read(self, method: str, path: str, *, marks_down: bool = True) -> bytes:
        assert not marks_down, "whoever looks would take it for one that does not answer"
        await asyncio.Event().wait()
        return b""


async def test_a_machine_that_does_not_say_what_it_has_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(machines, "_PATIENCE", 0.01)
    pool = BackendPool(Settings())
    pool.backends[0].loaded = LoadedModels(Slow())  # type: ignore[arg-type]
    looking = Machines(pool)
    told = [await looking.look(), await looking.look()]
    await looking.close()
    await pool.close()
    assert [one[0]["state"] for one in told] == ["up", "up"]
