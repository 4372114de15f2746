"""cloudflared's log lines reach the owner as plain sentences with a remedy, and none twice."""

import json
from typing import Any

import pytest

from tunnel import data_centres, log_line
from tunnel.log_reader import AGAIN, LogReader
from tunnel.problems import problem_in

EXPIRED = "x509: certificate has expired or is not yet valid: current time 2020-01-01 is before"
UNREACHABLE = "Unable to establish connection with Cloudflare edge"
ORIGIN_DOWN = (
    "Unable to reach the origin service. The service may be down or it may not be responding to "
    "traffic from cloudflared"
)
NO_TRIAL = 'failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": '


class Reports:
    """Collects what a reader reports; its clock is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events: list[tuple[bool, str]] = []
        self.reader = LogReader(lambda *event: self.events.append(event), clock=lambda: self.now)

    def take(self, message: str, level: str = "info", **fields: Any) -> None:
        self.reader.take(json.dumps({"message": message, "level": level, **fields}).encode())

    def texts(self) -> list[str]:
        return [text for _, text in self.events]


def registered(reports: Reports, index: int, location: str, protocol: str = "quic") -> None:
    reports.take(
        "Registered tunnel connection", connIndex=index, location=location, protocol=protocol
    )


def test_connections_are_reported_once_for_each_city():
    reports = Reports()
    for index, location in enumerate(["fra08", "fra12", "ham01", "fra08"]):
        registered(reports, index, location)
    assert reports.events == [
        (False, "Connected to Frankfurt over quic."),
        (False, "Connected to Hamburg over quic."),
    ]
    for index in range(4):
        reports.take("Lost connection with the edge", connIndex=index)
    assert reports.texts()[2:] == [
        "Lost the connection to Hamburg over quic; cloudflared reconnects.",
        "Lost the connection to Frankfurt over quic; cloudflared reconnects.",
    ]
    registered(reports, 0, "xyz01", "http2")
    assert reports.texts()[-1] == "Connected to xyz01 over http2."


@pytest.mark.parametrize(
    ("message", "error", "name", "words"),
    [
        ("Register tunnel error from server side", "Unauthorized: Invalid tunnel secret",
         "refused", "token is wrong"),
        ("Serve", f"TLS handshake with edge error: {EXPIRED}", "clock", "set it"),
        ("Failed to dial a quic connection",
         "failed to dial to edge with quic: timeout: no recent network activity",
         "udp", "UDP to port 7844"),
        (UNREACHABLE, "DialContext error: dial tcp 198.41.192.7:7844: i/o timeout",
         "tcp", "TCP to port 7844"),
        ("edge discovery: error looking up Cloudflare edge IPs: the DNS query failed",
         "lookup _v2-origintunneld._tcp.argotunnel.com: no such host", "dns", "online"),
        ("Error opening metrics server reports",
         "failed to bind to address (127.0.0.1:1): bind: address already in use",
         "port", "Another program"),
        ("", f"{ORIGIN_DOWN}: dial tcp 127.0.0.1:8000: connect: connection refused",
         "origin", "start it"),
        (UNREACHABLE, "tls: failed to verify certificate: x509: certificate signed by unknown "
         "authority", "intercepted", "antivirus"),
    ],
)  # fmt: skip
def test_a_known_problem_is_reported_with_its_remedy(
    message: str, error: str, name: str, words: str
):
    reports = Reports()
    reports.take(message, "error", error=error)
    assert reports.reader.problem is not None
    assert reports.reader.problem.name == name
    [(is_warning, text)] = reports.events
    assert is_warning
    assert words in text
    assert reports.reader.why() == text


@pytest.mark.parametrize(
    ("last_line", "name", "permanent"),
    [
        ("Provided Tunnel token is not valid.", "token", True),
        ("Failed to read token file: open /x: permission denied", "token", True),
        ("Tunnel credentials file '/x' doesn't exist or is not a file", "credentials", True),
        (f"{NO_TRIAL}dial tcp: lookup api.trycloudflare.com: no such host", "dns", False),
        (f"{NO_TRIAL}net/http: timeout", "offline", False),
        ("failed to unmarshal quick Tunnel: invalid character 'e'", "no trial", False),
        (
            "Error opening metrics server reports: failed to bind to address (127.0.0.1:1)",
            "port", False,
        ),
    ],
)  # fmt: skip
def test_last_lines_that_are_not_json_are_read_too(last_line: str, name: str, permanent: bool):
    reports = Reports()
    reports.reader.take(last_line.encode() + b"\n")
    assert reports.reader.problem is not None
    assert (reports.reader.problem.name, reports.reader.problem.permanent) == (name, permanent)


def test_prechecks_name_what_does_not_get_out():
    reports = Reports()
    reports.take("precheck", component="UDP Connectivity", status="fail")
    reports.take("precheck", component="TCP Connectivity", status="pass")
    reports.take("precheck", component="Cloudflare API", status="fail")  # of no use to us
    assert ["UDP" in text for text in reports.texts()] == [True]
    reports.take("precheck", component="TCP Connectivity", status="fail")
    assert "TCP and UDP to port 7844" in reports.texts()[-1]


def test_what_is_written_at_every_start_is_not_reported():
    reports = Reports()
    for message, error in (
        ("Configuration file /dev/null was empty", ""),
        ("Failed to fetch features, default to disable", "lookup x: no such host"),
        ("Unable to lookup protocol percentage.", ""),
        ("ICMP proxy feature is disabled", "cannot create ICMPv4 proxy"),
        (
            "Failed to initialize DNS local resolver",
            "lookup region1.v2.argotunnel.com: no such host",
        ),
    ):
        reports.take(message, "error", error=error)
    assert reports.events == []


def test_callers_that_leave_are_not_reported_as_a_problem():
    assert problem_in(f"{ORIGIN_DOWN}: context canceled") is None
    assert problem_in(f"{ORIGIN_DOWN}: unexpected EOF") is None


def test_ten_thousand_lines_of_the_same_problem_are_reported_once():
    reports = Reports()
    for _ in range(10_000):
        reports.take(UNREACHABLE, "error", error="dial tcp 127.0.0.1:7: connection refused")
    assert len(reports.events) == 1
    reports.now += AGAIN
    reports.take(UNREACHABLE, "error", error="x")
    assert len(reports.events) == 2


def test_after_a_recovery_old_problems_explain_nothing():
    reports = Reports()
    reports.take("Failed to dial a quic connection", "error", error="dial to edge with quic")
    reports.reader.healthy()
    assert reports.reader.why() == "it gave no reason"
    reports.take("Something new", "error", error="went wrong")
    assert reports.reader.why() == "Something new: went wrong"


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"message": 5, "level": []}',
     b'{"message":"Registered tunnel connection","connIndex":"x","location":7,"protocol":null}',
     b'{"message":"precheck","status":"fail","component":{}}', b'{"error":{"a":1}}', b"x" * 10**6,
     b"[" * 10**5, b'{"a":' * 10**5],
)  # fmt: skip
def test_any_bytes_are_taken(raw: bytes):
    reports = Reports()
    reports.reader.take(raw)
    assert all(len(text) < 400 for text in reports.texts())
    assert len(reports.reader.why()) < 400


@pytest.mark.parametrize("raw", [b"\x1b[2Jgone \x9b1m\x07", "\u202eegaugnal\u2028".encode(),
    rb'{"level":"error","message":"\u001b[2Jgone\nFAKE LINE","error":"\ud800\u0007"}',
    rb'{"message":"Registered tunnel connection","location":"\u001b[2J\nX","protocol":"\ud800"}',
])  # fmt: skip
def test_nothing_that_is_reported_controls_a_terminal_or_fakes_a_line(raw: bytes):
    reports = Reports()
    reports.reader.take(raw)
    texts = [*reports.texts(), reports.reader.why()]
    assert all(text.isprintable() for text in texts), texts


def test_no_token_and_no_key_is_reported():
    reports = Reports()
    token, key = "eyJhIjoiYWJjIiwidCI6IjEyMyIsInMiOiJzZWNyZXQifQ==", "llm_" + "aB3" * 10 + "cd"
    reports.take(f"Bad token {token} of /home/somebody/with/long/path/token", "error", error=key)
    assert reports.reader.why() == "Bad token … of /home/somebody/with/long/path/token: …"


def test_tables_and_advice_are_left_out():
    for text in ("+-----+", "|  https://x.trycloudflare.com  |", "", "See 'cloudflared tunnel run "
                 "--help'.", "     https://developers.cloudflare.com/1.1.1.1/"):  # fmt: skip
        assert log_line.is_decoration(log_line.LogLine(text))


def test_data_centres_are_named_by_the_city_of_their_airport():
    assert data_centres.city("fra08") == "Frankfurt"
    assert data_centres.city("GRU03") == "São Paulo"
    assert data_centres.city("qqq01") == "qqq01"
    assert data_centres.city("") == "Cloudflare"


def test_after_a_connection_a_port_is_not_called_blocked():
    reports = Reports()
    reports.take(UNREACHABLE, "error")
    assert "does not get out of this network" in reports.reader.why()
    registered(reports, 0, "fra08")
    reports.reader.healthy()
    reports.take("Lost connection with the edge", connIndex=0)
    reports.take(UNREACHABLE, "error")
    assert "was connected until " in reports.reader.why()
    assert reports.reader.why().endswith(": is this machine online?")
