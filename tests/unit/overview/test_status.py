"""What the status says of a gateway whose store and model server are away."""

from pathlib import Path

import pytest

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
