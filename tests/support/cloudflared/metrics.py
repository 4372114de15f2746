"""The metrics server: /ready, /quicktunnel, /healthcheck, /config, /metrics.

Below /stand-in is what tests command: disconnect, connect, crash, line.
"""

import json
import os
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.support.cloudflared.edge import Edge
from tests.support.cloudflared.logs import fail, say

Command = Callable[[], Awaitable[None]]


class Metrics:
    def __init__(self, edge: Edge, hostname: str, connect: Command, disconnect: Command) -> None:
        self._edge = edge
        self._hostname = hostname
        self._id = str(uuid.uuid4())
        app = web.Application()
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/quicktunnel", self._quick)
        app.router.add_get("/healthcheck", self._alive)
        app.router.add_get("/config", self._config)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/stand-in/connect", self._command(connect))
        app.router.add_post("/stand-in/disconnect", self._command(disconnect))
        app.router.add_post("/stand-in/crash", self._crash)
        app.router.add_post("/stand-in/line", self._line)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, int(port)).start()
        except OSError:
            words = (
                f"failed to bind to address ({address}): listen tcp {address}: bind: address "
                "already in use"
            )
            say("Error opening metrics server listener", "error", error=words)
            fail(f"Error opening metrics server listener: {words}")
        say(f"Starting metrics server on {address}/metrics")

    async def _ready(self, _: web.Request) -> web.Response:
        status = 200 if self._edge.connected else 503
        count = int(self._edge.connected)
        body = {"status": status, "readyConnections": count, "connectorId": self._id}
        return web.Response(status=status, text=json.dumps(body))

    async def _quick(self, _: web.Request) -> web.Response:
        return web.Response(text=json.dumps({"hostname": self._hostname}))

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="OK\n")

    async def _config(self, _: web.Request) -> web.Response:
        rules = [
            {"hostname": hostname, "path": None, "service": service}
            for hostname, service in self._edge.rules
        ]
        body = {"version": 1, "config": {"ingress": rules, "warp-routing": {}}}
        return web.Response(text=json.dumps(body))

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            text=f"cloudflared_tunnel_concurrent_requests_per_tunnel {self._edge.active}\n"
            f"cloudflared_tunnel_ha_connections {int(self._edge.connected)}\n"
            f"cloudflared_tunnel_total_requests {self._edge.total}\n"
        )

    async def _crash(self, _: web.Request) -> web.Response:
        os._exit(2)

    async def _line(self, request: web.Request) -> web.Response:
        row: dict[str, Any] = await request.json()
        say(row.pop("message"), row.pop("level"), **row)
        return web.Response()

    def _command(self, command: Command) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(_: web.Request) -> web.Response:
            await command()
            return web.Response()

        return handle
