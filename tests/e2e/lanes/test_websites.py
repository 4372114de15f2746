"""A key that belongs to some websites is tried from others on every route: 403, and no page there
may read even that."""

import httpx
import pytest

from gateway.admin.fields import SCOPES
from tests.support.callers import make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.lane_calls import CALLS, PUBLIC_CALLS, Call, reached, refused, send

__all__ = ["upstream_of_all"]
HOME = "https://my.page.example"
ELSEWHERE = [
    *("https://evil.example", "null", f"{HOME}.evil.example", "https://my.page", f"{HOME}:444"),
    *("http://my.page.example", HOME.upper(), "chrome-extension://abc"),
]


@pytest.fixture(scope="module")
def key(gateway: GatewayProcess) -> str:
    return make_key(gateway.url, scopes=list(SCOPES), allowed_origins=[HOME])


def grants(answer: httpx.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control-")]


def variants(call: Call) -> list[Call]:
    """With a stream where there can be one, and HEAD beside GET."""
    if call.body is None:
        return [call, call._replace(method="HEAD")] if call.path.startswith("/api/") else [call]
    return [call, call.with_body(stream=True)]


@pytest.mark.parametrize("call", CALLS, ids=lambda one: one.name)
def test_a_page_elsewhere_is_refused_without_a_grant(
    upstream: FakeUpstream, client: httpx.Client, key: str, call: Call
) -> None:
    for one in variants(call):
        for origin in ELSEWHERE:
            answer = send(client, one, key, Origin=origin)
            assert answer.status_code == 403, (one, origin, answer.text)
            assert grants(answer) == [], origin
            assert "Origin" in answer.headers["vary"]
            if one.method != "HEAD":
                assert "of this website" in refused(answer, 403, one.path)
    assert reached(upstream) == set()


@pytest.mark.parametrize("call", CALLS, ids=lambda one: one.name)
def test_a_page_of_its_own_and_a_program_are_served(
    upstream: FakeUpstream, client: httpx.Client, key: str, call: Call
) -> None:
    for one in variants(call):
        answer = send(client, one, key, Origin=HOME)
        assert answer.status_code == 200, answer.text
        assert answer.headers["access-control-allow-origin"] == "*"
        answer = send(client, one, key)
        assert answer.status_code == 200
        assert grants(answer) == []


def test_public_routes_are_for_every_page(client: httpx.Client, key: str) -> None:
    for call in PUBLIC_CALLS:
        if call.path in {"/metrics", "/console"}:  # for the owner, and no other page
            continue
        for shown in (key, None):
            answer = send(client, call, shown, Origin=ELSEWHERE[0])
            assert answer.status_code == 200, call.name
            assert answer.headers["access-control-allow-origin"] == "*"


def test_other_refusals_of_the_key_can_be_read_by_its_own_pages(
    gateway: GatewayProcess, client: httpx.Client
) -> None:
    narrow = make_key(gateway.url, scopes=["models:pull"], allowed_origins=[HOME])
    for call in CALLS:
        answer = send(client, call, narrow, Origin=HOME)
        if answer.status_code != 200:
            refused(answer, 403, call.path)
            assert answer.headers["access-control-allow-origin"] == "*"


def test_whoever_asks_from_elsewhere_learns_nothing_of_what_the_key_may_do(
    gateway: GatewayProcess, client: httpx.Client
) -> None:
    """Whether it is the scope or the website, the page can read neither."""
    narrow = make_key(gateway.url, scopes=["models:pull"], allowed_origins=[HOME])
    for call in CALLS:
        answer = send(client, call, narrow, Origin=ELSEWHERE[0])
        assert answer.status_code == 403
        assert grants(answer) == [], call.name
