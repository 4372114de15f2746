"""One life of the stand-in: connect, carry requests, lose the connection, end as asked."""

import asyncio
import signal
import uuid
from pathlib import Path

from tests.support.cloudflared.edge import Edge
from tests.support.cloudflared.logs import fail, say
from tests.support.cloudflared.metrics import Metrics
from tests.support.cloudflared.order import Order
from tests.support.cloudflared.scenario import Scenario

RETRY = 0.05  # seconds; the real one waits longer and longer
EXPIRED = "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"


class Life:
    def __init__(self, scenario: Scenario, order: Order, folder: Path) -> None:
        self._scenario = scenario
        self._order = order
        self._folder = folder
        self._wanted = asyncio.Event()
        self._leaving = asyncio.Event()
        self._empty = asyncio.Event()
        self._edge = Edge(order.rules, order.hostname, scenario.protocol, scenario.silence)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave, "terminated")
        loop.add_signal_handler(signal.SIGINT, self._leave, "interrupt")
        say(f"Version {self._scenario.version} (Checksum 0123)")
        say("Failed to fetch features, default to disable", "error", error="stand-in")
        if self._scenario.ends == "start":
            fail(self._scenario.last_words or "stand-in ends", self._scenario.end_code)
        quick = "" if self._order.secret else self._order.hostname
        metrics = Metrics(self._edge, quick, self._connect, self._disconnect)
        if self._scenario.takes_port:
            await asyncio.start_server(lambda *_: None, *self._order.metrics.split(":"))
        await metrics.start(self._order.metrics)
        port = await self._edge.start(self._scenario.edge_port)
        for line in self._scenario.extra_lines:
            say(line, "error")
        if self._scenario.connects:
            self._wanted.set()
        connecting = asyncio.create_task(self._keep_connected())
        (self._folder / "edge_port").write_text(str(port))
        await self._leaving.wait()
        connecting.cancel()
        if self._edge.connected:
            await self._drain()
        say("Tunnel server stopped")
        say("Metrics server stopped")
        await self._edge.close()

    async def _connect(self) -> None:
        self._wanted.set()

    async def _disconnect(self) -> None:
        self._wanted.clear()
        self._edge.connected = False
        say("Lost connection with the edge", connIndex=0)
        say("Retrying connection in up to 1s", connIndex=0, event=0, ip="198.51.100.1")

    async def _keep_connected(self) -> None:
        while True:
            await self._wanted.wait()
            if not self._edge.connected and not self._refused():
                self._edge.connected = True
                say("Registered tunnel connection", connIndex=0, connection=str(uuid.uuid4()),
                    event=0, ip="198.51.100.1", location=self._scenario.location,
                    protocol=self._scenario.protocol)  # fmt: skip
                if self._scenario.ends == "connected":
                    fail(self._scenario.last_words or "stand-in ends", self._scenario.end_code)
            await asyncio.sleep(RETRY)

    def _refused(self) -> bool:
        """Whether something keeps it from connecting; it says what, and tries again for ever."""
        at = {"connIndex": 0, "event": 0, "ip": "198.51.100.1"}
        if self._order.secret and self._order.secret != self._scenario.secret:
            say("Register tunnel error from server side", "error",
                error="Unauthorized: Invalid tunnel secret", **at)  # fmt: skip
            return True
        if self._scenario.clock_is_wrong:
            say("Unable to establish connection with Cloudflare edge", "error",
                error=f"TLS handshake with edge error: {EXPIRED}", **at)  # fmt: skip
            return True
        for kind, component, words, error in (
            ("udp", "UDP Connectivity", "Failed to dial a quic connection",
             "failed to dial to edge with quic: timeout: no recent network activity"),
            ("tcp", "TCP Connectivity", "Unable to establish connection with Cloudflare edge",
             "DialContext error: dial tcp 198.51.100.1:7844: i/o timeout"),
        ):  # fmt: skip
            if kind in self._scenario.blocked:
                say(words, "error", error=error, **at)
                say("precheck", component=component, status="fail", details="blocked",
                    run_id="x", target="region1.v2.argotunnel.com")  # fmt: skip
        return {"udp", "tcp"} <= set(self._scenario.blocked)

    def _leave(self, name: str) -> None:
        """A second signal finds no handler, so it ends the process at once."""
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)
        say(f"Initiating graceful shutdown due to signal {name} ...")
        self._edge.leaving = True
        self._leaving.set()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._order.grace
        say("Unregistered tunnel connection", connIndex=0, event=0, ip="198.51.100.1")
        while loop.time() < end:
            if self._scenario.protocol == "http2" and not self._edge.active:
                return
            await asyncio.sleep(RETRY)
