"""A gateway, and Cloudflare's edge before it, for tests of what doctor sees from outside."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.checks.finding import Finding
from gateway.checks.public_address.run import check_public_address
from gateway.config.settings import Settings
from tests.support.bare_gateway import bare_gateway, served
from tests.support.cloudflared.edge import Edge

NAME = "llm.example.com"


class Scene:
    """A gateway whose store and model are away, and the public address that leads to it."""

    def __init__(self, gateway: str, edge: Edge, public: str) -> None:
        self.gateway = gateway
        self.edge = edge
        self.public = public
        self.settings = Settings(port=urlsplit(gateway).port or 0)

    async def look(self, url: str = "", **changes: object) -> dict[str, Finding]:
        found = await check_public_address(replace(self.settings, **changes), url or self.public)
        return {one.check: one for one in found}


@contextlib.asynccontextmanager
async def edge_before(origin: str, silence: float = 100.0) -> AsyncIterator[tuple[Edge, str]]:
    edge = Edge([("", origin)], NAME, "http2", silence)
    port = await edge.start(0)
    edge.connected = True
    try:
        yield edge, f"http://127.0.0.1:{port}"
    finally:
        await edge.close()
        await edge._runner.cleanup()  # its process would have ended by now


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    with bare_gateway(tmp_path, tunnel_hostname=NAME) as gateway:
        async with served(gateway) as origin, edge_before(origin) as (edge, public):
            yield Scene(origin, edge, public)
