"""Whatever answers at the port of cloudflared's metrics: nothing of it is believed unseen."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tunnel.probe import Probe

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def answering(body: bytes, status: int = 200, **headers: str) -> AsyncGenerator[Probe]:
    """A probe of a server that answers every question with this body."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    server = web.ServerRunner(web.Server(answer))
    await server.setup()
    try:
        await web.TCPSite(server, "127.0.0.1", 0).start()
        async with Probe(server.addresses[0][1]) as probe:
            yield probe
    finally:
        await server.cleanup()


async def test_what_is_right_is_taken():
    body = {"hostname": "a.trycloudflare.com", "readyConnections": 4}
    async with answering(json.dumps(body).encode()) as probe:
        assert await probe.quick_hostname() == "a.trycloudflare.com"
        assert await probe.connections() == 4


@pytest.mark.parametrize(
    "name",
    ["x; rm -rf ~", "x.com\u001b[2J", "\ud800.com", "x.com/path", "user@x.com", ["x.com"], 7, ""],
)
async def test_a_name_that_is_none_is_not_taken_as_the_public_address(name: object):
    async with answering(json.dumps({"hostname": name}).encode()) as probe:
        assert await probe.quick_hostname() == ""


@pytest.mark.parametrize("count", [-1, 10**30, "4", None, [4]])
async def test_a_count_that_cannot_be_is_none(count: object):
    async with answering(json.dumps({"readyConnections": count}).encode()) as probe:
        assert await probe.connections() is None


async def test_routes_hold_nothing_that_moves_a_terminal():
    rules = [{"hostname": "\u001b[2Jx", "service": "http://x\n\ud800"}]
    async with answering(json.dumps({"config": {"ingress": rules}}).encode()) as probe:
        [(name, service)] = await probe.routes()
        assert (name + service).isprintable()


@pytest.mark.parametrize("body", [b"[" * 10**5, b'{"a":' * 10**5, b"{", b"[]", b"\xff", b""])
async def test_any_answer_is_no_answer(body: bytes):
    async with answering(body) as probe:
        assert await probe.connections() is None
        assert await probe.quick_hostname() == ""
        assert await probe.routes() == []
        assert await probe.busy() is None


async def test_no_redirect_is_followed():
    async with answering(b'{"readyConnections": 4}', 302, Location="/again") as probe:
        assert await probe.connections() == 4  # of the answer itself


async def test_an_answer_that_has_no_end_takes_no_memory():
    body = b'{"readyConnections": 1, "x": "' + b"x" * 5 * 1024**2 + b'"}'
    async with answering(body) as probe:
        assert await probe.connections() is None
