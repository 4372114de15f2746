"""Nobody forges an address: the edge's word counts from this machine alone, while a tunnel runs."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core import keys
from gateway.http.failed_keys import FAILURES
from tests.support import far_peer
from tests.support.behind_a_tunnel import CALLER, MARKS, Way, ask_all, behind, port, ways
from tests.support.callers import make_key, served
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway_process import PATIENCE, Running
from tests.support.paths import ROOT
from tests.support.tunnel.up import Up

FORGED = "192.0.2.66"
FORGERIES = (
    *(f"{name}: {FORGED}" for name in ("X-Forwarded-For", "X-Real-IP", "True-Client-IP")),
    *(f"{name}: {FORGED}" for name in ("X-Client-IP", "X-Cluster-Client-IP", "Fastly-Client-IP")),
    *(f"Forwarded: for={FORGED}", f"CF_Connecting_IP: {FORGED}"),
    f"X-Forwarded-For: {FORGED}, 127.0.0.1",
    *(f"{name}: {FORGED}" for name in ("CF-Connecting-IPv6", "CF-Pseudo-IPv4", "X-Forwarded")),
)
# What Cloudflare's edge writes anew, whatever the caller says.
OVERWRITTEN = (
    *(f"{name}: {FORGED}" for name in ("CF-Connecting-IP", "cf-connecting-ip", "cF-CoNnEcTiNg-Ip")),
    "CF-Ray: f0f0f0f0f0f0f0f0-XXX",
    "Connection: cf-connecting-ip, cf-ray",
)


@pytest.fixture(scope="module")
def it(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[Up]:
    with behind(shared_upstream, shared_dsn, DEBUG="true") as running:
        yield running


def told(running: Running, way: Way, name: str, *headers: str) -> tuple[str, str]:
    """The address and the ray that the log has of a request, to a path of that name."""
    [answer] = ask_all(way, [way.request("GET", f"/told/{name}", *headers)])
    assert answer.status == 404
    found = running.wait_for(rf"GET /told/{name} .* caller=(\S+)(?: ray=(\S+))?")
    return found[1], found[2] or ""


@pytest.mark.parametrize("number", range(len(FORGERIES + OVERWRITTEN)))
def test_through_the_edge_a_caller_is_who_the_edge_says(it: Up, number: int):
    header = (FORGERIES + OVERWRITTEN)[number]
    through = ways(it)["through"]
    here = f"X-Stand-In-Client: {CALLER}"
    address, ray = told(it.running, through, f"edge-{number}", here, header)
    assert address == CALLER
    assert re.fullmatch(r"[0-9a-f]{16}-FRA", ray)
    assert not ray.startswith("f0f0f0f0f0f0f0f0")  # a part of it may be there by chance


@pytest.mark.parametrize("number", range(len(FORGERIES)))
def test_behind_it_no_other_header_is_believed(it: Up, number: int):
    marked = ways(it)["marked"]
    assert told(it.running, marked, f"marked-{number}", FORGERIES[number])[0] == CALLER
    without = marked._replace(marks=MARKS[1:])  # but for the one that names the caller
    assert told(it.running, without, f"bare-{number}", FORGERIES[number])[0] == "unknown"


def test_who_guesses_keys_cannot_hide_behind_forged_addresses_nor_shut_another_out(it: Up):
    good, through = make_key(it.gateway.url), ways(it)["through"]

    def guess(number: int, address: str, key: str) -> bytes:
        headers = [FORGERIES[number % len(FORGERIES)].replace("66", str(number)), OVERWRITTEN[0]]
        who = f"X-Stand-In-Client: {address}"
        return through.request("GET", "/v1/models", who, f"X-API-Key: {key}", *headers)

    guesses = [guess(number, "198.51.100.1", keys.make_key("llm")) for number in range(FAILURES)]
    assert {answer.status for answer in ask_all(through, guesses)} == {401}
    late = [guess(number, "198.51.100.1", keys.make_key("llm")) for number in range(5)]
    assert {answer.status for answer in ask_all(through, late)} == {429}
    others = [guess(1, address, good) for address in (FORGED, "198.51.100.2", "127.0.0.1")]
    assert {answer.status for answer in ask_all(through, others)} == {200}


def test_without_a_tunnel_nobody_but_the_connection_says_who_calls(
    shared_upstream: FakeUpstream, shared_dsn: str
):
    with served(shared_upstream.url, shared_dsn, DEBUG="true") as gateway:
        assert gateway.running is not None
        here = Way(port(gateway.url), ())
        for number, header in enumerate((*FORGERIES, *OVERWRITTEN)):
            address = told(gateway.running, here, f"direct-{number}", header)[0]
            assert address in {"127.0.0.1", "unknown"}  # the latter for what proxies add


def test_one_from_another_machine_is_who_it_is_while_a_tunnel_runs(tmp_path: Path):
    words = [sys.executable, "-m", "tests.support.far_peer", str(tmp_path)]
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode == far_peer.NONE_HERE:
        pytest.skip("this system lets nobody make a network of their own")
    assert done.returncode == 0, done.stderr
    far, near = re.findall(r"caller=(\S+)", done.stdout)
    assert far == far_peer.FAR
    assert near == "203.0.113.5"  # 127.0.0.2 is this machine: cloudflared may be there
