"""Who may read `/metrics`: this machine, and whoever shows METRICS_TOKEN."""

from collections.abc import Iterator

import pytest

from gateway.http.failed_keys import FAILURES
from tests.support.behind_a_tunnel import ask_all, behind, ways
from tests.support.callers import connect, served
from tests.support.fake_upstream import FakeUpstream
from tests.support.tunnel.up import Up

TOKEN = "a-token-for-prometheus"
RIGHT = f"Authorization: Bearer {TOKEN}"
WRONG = [
    (),
    ("Authorization: Bearer another-token",),
    (f"Authorization: Basic {TOKEN}",),
    (f"Authorization: {TOKEN}",),
    (f"Authorization: Bearer {TOKEN}x",),
    (f"Authorization: Bearer  {TOKEN} x",),
    (f"X-API-Key: {TOKEN}",),
]


@pytest.fixture(scope="module")
def it(shared_upstream: FakeUpstream, file_dsn: str) -> Iterator[Up]:
    with behind(shared_upstream, file_dsn, METRICS_TOKEN=TOKEN) as running:
        yield running


@pytest.mark.parametrize("headers", WRONG)
def test_through_the_tunnel_nothing_but_the_token_opens_it(it: Up, headers: tuple[str, ...]):
    for way in ways(it).values():
        [answer] = ask_all(way, [way.request("GET", "/metrics", *headers)])
        assert answer.status == 403
        assert b"localllm_" not in answer.body


def test_the_token_opens_it_from_everywhere(it: Up):
    for way in ways(it).values():
        [answer] = ask_all(way, [way.request("GET", "/metrics", RIGHT)])
        assert answer.status == 200
        assert b"localllm_requests_total" in answer.body


def test_this_machine_needs_none(it: Up):
    with connect(it.gateway.url) as client:
        assert client.get("/metrics").status_code == 200


def test_without_a_token_nobody_else_is_let_in(shared_upstream: FakeUpstream, shared_dsn: str):
    with served(shared_upstream.url, shared_dsn) as gateway, connect(gateway.url) as client:
        for marks in ({"cf-ray": "x"}, {"x-forwarded-for": "127.0.0.1"}, {"host": "own.example"}):
            for token in ({}, {"authorization": "Bearer x"}):
                assert client.get("/metrics", headers={**marks, **token}).status_code in {403, 421}


def test_no_page_of_a_website_reads_it_in_its_owners_browser(it: Up):
    with connect(it.gateway.url) as client:
        answer = client.get("/metrics", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_who_guesses_the_token_has_to_wait(it: Up):
    through = ways(it)["through"]
    guesses = [
        through.request(
            *("GET", "/metrics", f"Authorization: Bearer guess-{number:04}-of-many"),
            "X-Stand-In-Client: 198.51.100.9",
        )
        for number in range(FAILURES + 1)
    ]
    answers = ask_all(through, guesses)
    assert answers[-1].status == 429


def test_the_right_token_is_not_locked_out_by_who_guesses_from_the_same_address(it: Up):
    through = ways(it)["through"]
    there = "X-Stand-In-Client: 198.51.100.10"
    guesses = [
        through.request("GET", "/metrics", f"Authorization: Bearer wrong-{number:04}", there)
        for number in range(FAILURES + 1)
    ]
    right = through.request("GET", "/metrics", RIGHT, there)
    [first] = ask_all(through, [right])
    assert first.status == 200
    assert ask_all(through, guesses)[-1].status == 429
    [again] = ask_all(through, [right])
    assert again.status == 200
