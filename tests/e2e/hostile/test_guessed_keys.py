"""Guessing keys through the tunnel costs the one who guesses: neither the database nor others."""

from collections.abc import Iterator

import pytest

from gateway.core import keys
from gateway.http.failed_keys import FAILURES
from tests.support.callers import QUESTION, bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream

ROUTES = [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/v1/usage")]


def seen_by_the_edge(address: str, key: str) -> dict[str, str]:
    return bearer(key) | {"CF-Connecting-IP": address, "CF-Ray": "8c1f-FRA"}


@pytest.fixture
def behind(upstream: FakeUpstream, dsn: str) -> Iterator[GatewayProcess]:
    with served(upstream.url, dsn, TUNNEL_HOSTNAME="llm.example.com") as gateway:
        yield gateway


def test_a_guesser_has_to_wait_and_nobody_else(behind: GatewayProcess):
    good, fresh = make_key(behind.url, "known"), make_key(behind.url, "not used yet")
    with connect(behind.url) as client:

        def status(address: str, key: str, number: int = 0) -> int:
            method, path = ROUTES[number % len(ROUTES)]
            body = QUESTION if method == "POST" else None
            headers = seen_by_the_edge(address, key)
            answer = client.request(method, path, json=body, headers=headers)
            if answer.status_code == 429:
                assert 0 < int(answer.headers["retry-after"]) <= 600
            return answer.status_code

        assert status("198.51.100.7", good) == 200
        for number in range(FAILURES):
            assert status("198.51.100.7", keys.make_key("llm"), number) == 401
        for number in range(len(ROUTES)):
            assert status("198.51.100.7", keys.make_key("llm"), number) == 429
        assert status("198.51.100.7", fresh) == 429  # nobody has looked
        assert status("198.51.100.7", good) == 200
        assert status("198.51.100.8", fresh) == 200
        assert status("198.51.100.7", fresh) == 200  # it is known now


def test_a_forged_address_locks_nobody_out_while_there_is_no_tunnel(
    upstream: FakeUpstream, dsn: str
):
    with served(upstream.url, dsn) as gateway, connect(gateway.url) as client:
        for _ in range(FAILURES):
            headers = seen_by_the_edge("198.51.100.7", keys.make_key("llm"))
            assert client.get("/v1/models", headers=headers).status_code == 401
        headers = bearer(make_key(gateway.url, "fresh"))
        assert client.get("/v1/models", headers=headers).status_code == 200
        headers = seen_by_the_edge("198.51.100.8", make_key(gateway.url, "fresh too"))
        assert client.get("/v1/models", headers=headers).status_code == 429  # nobody vouches
