"""Watch whether a running cloudflared is connected, and under which name."""

import asyncio
import logging
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from tunnel.log_reader import LogReader
from tunnel.plan import Plan
from tunnel.probe import Probe

QUICK = 0.25  # seconds between two checks until it is connected and its name is known
CALM = 2.0  # seconds between two checks after that
NEW = 30.0  # seconds in which Cloudflare may not know a trial tunnel yet
PATIENCE = 60.0  # seconds without a connection before that is logged
STEADY = 60.0  # seconds of connection after which a start counts as successful
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]", "::1"}


class ConnectionMonitor:
    """For one run of cloudflared. `update` takes the changed fields of TunnelStatus."""

    def __init__(
        self,
        plan: Plan,
        log_reader: LogReader,
        update: Callable[..., None],
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._log_reader = log_reader
        self._update = update
        self._log = log
        self._clock = clock
        self._hostname = plan.hostname
        self._since = clock()  # when it last connected or lost its connection
        self.steady = False  # whether it was ever connected for STEADY seconds
        self._connections = 0
        self._published = 0, "", ""  # connections, hostname and problem as last given to `update`
        self._astray = ""  # where its hostname leads instead of here
        self._cause = ""  # why it is not connected, as last given to `update`
        self.forgotten = False  # whether Cloudflare knows this trial tunnel no longer
        self._was_connected = False
        self._reported = False
        self._routes_seen = False

    async def run(self, probe: Probe) -> None:
        """Return when the tunnel will never connect again, though cloudflared keeps trying."""
        while not self.forgotten:
            await self.check(probe)
            known = self._connections and self._hostname
            await asyncio.sleep(CALM if known else QUICK)

    async def check(self, probe: Probe) -> None:
        count = await probe.connections() or 0
        if count:
            if not self._connections:
                self._connected()
            self._connections = count
            self.steady = self.steady or self._clock() - self._since >= STEADY
            await self._learn_name(probe)
            if self._published != (count, self._hostname, self._astray):
                self._published = count, self._hostname, self._astray
                self._update(
                    state="connected",
                    connections=count,
                    hostname=self._hostname,
                    problem=self._astray,
                )
            return
        if self._connections:
            self._connections = 0
            self._published = 0, self._hostname, ""
            self._since = self._clock()
            self._update(state="reconnecting", connections=0)
        elif self._is_forgotten():
            self.forgotten = True
        elif not self._reported and self._clock() - self._since >= PATIENCE:
            self._reported = True
            self._log.warning(
                "The tunnel has had no connection for a minute; cloudflared keeps trying. %s",
                self._log_reader.why(),
            )
            self._update(problem=self._log_reader.why())
        self._publish_cause()

    def _publish_cause(self) -> None:
        """A known cause stands in the status at once. Of a trial tunnel that is new this is none:
        see _is_forgotten."""
        problem = self._log_reader.problem
        if problem is None or problem.name == "forgotten" or problem.remedy == self._cause:
            return
        self._cause = problem.remedy
        self._update(problem=problem.remedy)

    def _is_forgotten(self) -> bool:
        """A new one is refused for a moment, too, until all of Cloudflare's edge knows it."""
        problem = self._log_reader.problem
        known = self._was_connected or self._clock() - self._since >= NEW
        return known and problem is not None and problem.name == "forgotten"

    def _connected(self) -> None:
        self._was_connected = True
        if self._reported:
            self._log.info(
                "The tunnel is connected again, after %.0f s.", self._clock() - self._since
            )
        self._reported = False
        self._cause = ""
        self._since = self._clock()
        self._log_reader.healthy()

    async def _learn_name(self, probe: Probe) -> None:
        if self._plan.kind == "quick":
            self._hostname = self._hostname or await probe.quick_hostname()
            return
        if self._routes_seen:
            return
        routes = [(name, service) for name, service in await probe.routes() if name]
        if not routes:  # the dashboard's configuration arrives a moment after the connection
            return
        self._routes_seen = True
        ours = [name for name, service in routes if routes_to(service, self._plan.origin)]
        if ours and self._hostname in {"", *ours}:
            self._hostname = self._hostname or ours[0]
            return
        told = ", ".join(f"{name} to {service}" for name, service in routes[:3])
        self._astray = (
            f"The tunnel does not lead {self._hostname or 'any name'} to the gateway: it leads "
            f"{told}. In the dashboard, set its service to {self._plan.origin}."
        )
        self._log.warning("%s", self._astray)


def routes_to(service: str, origin: str) -> bool:
    """Whether the URL of a service is the gateway's, by any name of this machine."""
    one, other = urlsplit(service), urlsplit(origin)
    try:
        same_port = (one.port or 80) == other.port
    except ValueError:
        return False
    same_host = one.hostname == other.hostname or {one.hostname, other.hostname} <= _LOOPBACK
    return one.scheme == "http" and same_port and same_host
