"""A running cloudflared is watched: connected or not, its name, and breaks that last."""

import logging
from typing import Any

import pytest

from tunnel.connection_monitor import NEW, PATIENCE, STEADY, ConnectionMonitor, routes_to
from tunnel.log_reader import LogReader
from tunnel.plan import Plan

pytestmark = pytest.mark.anyio
ORIGIN = "http://127.0.0.1:8000"


class Answers:
    """A cloudflared that answers as it is told."""

    def __init__(self) -> None:
        self.count: int | None = None
        self.name = ""
        self.rules: list[tuple[str, str]] = []

    async def connections(self) -> int | None:
        return self.count

    async def quick_hostname(self) -> str:
        return self.name

    async def routes(self) -> list[tuple[str, str]]:
        return self.rules


class Monitored:
    def __init__(self, kind: str = "quick", hostname: str = "") -> None:
        self.now = 1000.0
        self.notes: list[dict[str, Any]] = []
        self.probe: Any = Answers()
        plan = Plan(kind, ORIGIN, hostname, "", ())
        self.log_reader = LogReader(lambda *_: None, trial=kind == "quick")
        log = logging.getLogger("localllm.tunnel")
        self.monitor = ConnectionMonitor(plan, self.log_reader, self._note, log, lambda: self.now)

    def _note(self, **changes: Any) -> None:
        self.notes.append(changes)

    async def check(self, count: int | None, after: float = 0.0) -> None:
        self.now += after
        self.probe.count = count
        await self.monitor.check(self.probe)


async def test_it_is_connected_once_cloudflared_says_so_and_is_told_once():
    monitored = Monitored()
    await monitored.check(None)
    await monitored.check(0)
    assert monitored.notes == []
    monitored.probe.name = "calm.trycloudflare.com"
    await monitored.check(1)
    await monitored.check(1)
    assert monitored.notes == [
        {
            "state": "connected",
            "connections": 1,
            "hostname": "calm.trycloudflare.com",
            "problem": "",
        }
    ]
    await monitored.check(4)
    assert monitored.notes[-1]["connections"] == 4


async def test_a_break_is_left_alone_and_reported_after_a_minute(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    monitored = Monitored()
    await monitored.check(1)
    monitored.log_reader.take(
        b'{"level":"error","message":"Failed to dial a quic connection","error":""}'
    )
    await monitored.check(0)
    assert monitored.notes[-1] == {"state": "reconnecting", "connections": 0}
    await monitored.check(None, after=PATIENCE - 1)
    assert caplog.messages == []
    await monitored.check(0, after=1)
    await monitored.check(0, after=1000)
    assert caplog.messages == [
        "The tunnel has had no connection for a minute; cloudflared keeps trying. "
        "Failed to dial a quic connection"
    ]
    assert monitored.notes[-1] == {"problem": "Failed to dial a quic connection"}
    await monitored.check(1)
    assert caplog.messages[1:] == ["The tunnel is connected again, after 1060 s."]
    assert monitored.notes[-1]["state"] == "connected"
    assert monitored.notes[-1]["problem"] == ""


async def test_a_short_break_is_no_news(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    monitored = Monitored()
    for count in (1, 0, 1, 0, 1):
        await monitored.check(count, after=PATIENCE - 1)
    assert caplog.messages == []
    assert [note["state"] for note in monitored.notes] == [
        "connected", "reconnecting", "connected", "reconnecting", "connected",
    ]  # fmt: skip


async def test_one_that_never_connects_is_reported_too(caplog: pytest.LogCaptureFixture):
    monitored = Monitored()
    await monitored.check(0, after=PATIENCE)
    assert "has had no connection for a minute" in caplog.text
    assert not monitored.monitor.steady


async def test_it_is_steady_only_after_a_minute_of_connection():
    monitored = Monitored()
    await monitored.check(1)
    await monitored.check(1, after=STEADY - 1)
    assert not monitored.monitor.steady
    await monitored.check(0)
    await monitored.check(1, after=1)
    await monitored.check(1, after=STEADY)
    assert monitored.monitor.steady
    await monitored.check(0)
    assert monitored.monitor.steady


async def test_the_name_of_a_dashboards_tunnel_is_learned_from_its_routes():
    monitored = Monitored("named")
    await monitored.check(2)  # its configuration comes a moment later
    assert monitored.notes[-1]["hostname"] == ""
    monitored.probe.rules = [
        ("other.example.com", "http://127.0.0.1:9000"), ("llm.example.com", "http://localhost:8000"),
        ("", "http_status:404"),
    ]  # fmt: skip
    await monitored.check(2)
    assert monitored.notes[-1]["hostname"] == "llm.example.com"


@pytest.mark.parametrize("hostname", ["", "llm.example.com"])
async def test_a_dashboard_that_leads_elsewhere_is_named_once(
    hostname: str, caplog: pytest.LogCaptureFixture
):
    monitored = Monitored("named", hostname)
    monitored.probe.rules = [("llm.example.com", "http://localhost:9000"), ("", "http_status:404")]
    await monitored.check(1)
    await monitored.check(1)
    assert caplog.messages == [
        f"The tunnel does not lead {hostname or 'any name'} to the gateway: it leads "
        "llm.example.com to http://localhost:9000. In the dashboard, set its service to "
        "http://127.0.0.1:8000."
    ]


@pytest.mark.parametrize(
    ("service", "same"),
    [
        ("http://127.0.0.1:8000", True), ("http://localhost:8000", True),
        ("http://[::1]:8000", True), ("http://localhost:8000/", True),
        ("http://localhost", False), ("https://localhost:8000", False),
        ("http://localhost:8001", False), ("http://192.168.1.5:8000", False),
        ("http_status:404", False), ("http://localhost:99999", False), ("", False),
    ],
)  # fmt: skip
def test_a_service_is_the_gateway_by_any_name_of_this_machine(service: str, same: bool):
    assert routes_to(service, ORIGIN) is same


FORGOTTEN = b'{"level":"error","error":"Unauthorized: Tunnel not found","message":"x"}'


async def test_a_trial_tunnel_that_cloudflare_has_forgotten_is_given_up():
    monitored = Monitored()
    await monitored.check(1)
    await monitored.check(0)
    assert not monitored.monitor.forgotten
    monitored.log_reader.take(FORGOTTEN)
    await monitored.check(0)
    assert monitored.monitor.forgotten
    assert "token" not in monitored.log_reader.why()


async def test_a_new_trial_tunnel_may_be_unknown_for_a_moment():
    monitored = Monitored()
    monitored.log_reader.take(FORGOTTEN)
    await monitored.check(0)
    assert not monitored.monitor.forgotten
    await monitored.check(0, after=NEW)
    assert monitored.monitor.forgotten


async def test_a_named_tunnel_is_never_given_up():
    monitored = Monitored("named", "llm.example.com")
    await monitored.check(1)
    monitored.log_reader.take(FORGOTTEN)
    await monitored.check(0)
    await monitored.check(0, after=3600)
    assert not monitored.monitor.forgotten
