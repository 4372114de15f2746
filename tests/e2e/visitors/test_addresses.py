"""Visitors by address, behind the tunnel: who calls is who the edge says, and nobody else."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.behind_a_tunnel import MARKS, Way, ask_all, behind, ways
from tests.support.callers import bearer, connect
from tests.support.failing_parts import fresh_database
from tests.support.fake_upstream import FakeUpstream
from tests.support.postgres import Server
from tests.support.tunnel.up import Up
from tests.support.visitors import CHAT, WAYS, ask, key_with, told, used
from tests.support.visitors import Way as Route

HOME = "2001:db8:1:1"  # of a line, whose addresses all count as one
SPELLINGS = (  # of one visitor
    ("203.0.113.9", "::ffff:203.0.113.9", "::ffff:cb00:7109", "0:0:0:0:0:FFFF:203.0.113.9"),
    (f"{HOME}::1", f"{HOME}:ffff:0:0:1", "2001:0DB8:0001:0001::abcd"),
)
NOWHERE = ("203.0.113.009", "fe80::1%eth0", "203.0.113.9, 203.0.113.10", "203.0.113.9:80", "x", "")


@pytest.fixture(scope="module")
def it(shared_upstream: FakeUpstream, postgres: Server) -> Iterator[Up]:
    with fresh_database(postgres) as dsn, behind(shared_upstream, dsn) as running:
        yield running  # a database of its own: `up` shows a key only where there is none yet


@pytest.fixture
def outside(it: Up) -> Iterator[httpx.Client]:
    with connect(it.edge) as client:
        yield client


def at(key: str, address: str) -> dict[str, str]:
    """A page's call with the key, from that address."""
    return {**bearer(key), "X-Stand-In-Client": address, "Origin": "https://shop.example"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.path)
def test_each_address_has_its_own_day_on_routes_of_every_family(
    it: Up, outside: httpx.Client, way: Route, stream: bool
) -> None:
    key = key_with(it.gateway.url, "address", tokens_per_day=110)
    first, second = at(key, "203.0.113.1"), at(key, "203.0.113.2")
    statuses = [ask(outside, first, way, stream=stream).status_code for _ in range(7)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert used(outside, first)[1] <= 110
    assert used(outside, second) == (0, 0)
    assert ask(outside, second, way, stream=stream).status_code == 200
    assert used(outside, second)[0] == 1
    assert outside.get("/v1/models", headers=first).status_code == 200


@pytest.mark.parametrize("spellings", SPELLINGS)
def test_however_an_address_is_spelled_it_is_one_visitor(
    it: Up, outside: httpx.Client, spellings: tuple[str, ...]
) -> None:
    key = key_with(it.gateway.url, "address", requests_per_min=len(spellings))
    for number, address in enumerate(spellings, 1):
        assert told(ask(outside, at(key, address))) == (200, "")
        assert used(outside, at(key, address))[0] == number
    answer = ask(outside, at(key, spellings[0]))
    assert told(answer) == (429, "visitor_rate_limit_exceeded")


def test_a_network_may_have_what_16_of_its_lines_may(it: Up, outside: httpx.Client) -> None:
    key = key_with(it.gateway.url, "address", requests_per_min=1)
    lines = [f"2001:db8:7:{number:x}::1" for number in range(17)]
    statuses = [ask(outside, at(key, line)).status_code for line in lines]
    assert statuses == [200] * 16 + [429]
    assert ask(outside, at(key, "2001:db8:8::1")).status_code == 200


def test_whose_address_nobody_vouches_for_is_let_in_nowhere(it: Up, upstream: FakeUpstream) -> None:
    key, marked = key_with(it.gateway.url, "address", tokens_per_day=1000), ways(it)["marked"]
    body = b'{"model": "fake:latest", "messages": [{"role": "user", "content": "x"}]}'
    shown = (f"Authorization: Bearer {key}", "Content-Type: application/json")
    forged = ("X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.2", "Forwarded: for=192.0.2.3")

    def requests(way: Way) -> list[bytes]:
        chat = [way.request("POST", CHAT.path, *shown, one, body=body) for one in forged]
        return [
            *chat,
            way.request("GET", "/v1/usage", *shown),
            way.request("GET", "/v1/models", *shown),
        ]

    unknown = [marked._replace(marks=(f"CF-Connecting-IP: {text}", *MARKS[1:])) for text in NOWHERE]
    for way in (*unknown, marked._replace(marks=MARKS[1:])):
        statuses = {answer.status for answer in ask_all(way, requests(way))}
        assert statuses == {403}, way.marks[0]
    assert upstream.chats == []


def test_no_header_of_a_caller_makes_a_visitor_another_one(it: Up, outside: httpx.Client) -> None:
    key = key_with(it.gateway.url, "address", tokens_per_day=10_000)
    me = at(key, "203.0.113.77")
    names = ("CF-Connecting-IP", "X-Forwarded-For", "X-Real-IP", "True-Client-IP", "Forwarded")
    for number, name in enumerate(names, 1):
        assert told(ask(outside, {**me, name: f"192.0.2.{number}"})) == (200, "")
        assert used(outside, me)[0] == number
