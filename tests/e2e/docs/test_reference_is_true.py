"""What the reference says of scopes, bodies, headers and counting holds for every route in it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.core.key_fields import SCOPES
from gateway.dialects import all_counters
from gateway.reference.examples import KEY_ID
from gateway.reference.headers import RATE_HEADERS
from gateway.reference.route import HOLDER, OWNER, PUBLIC, Route
from gateway.reference.table import ROUTES
from tests.support.callers import ADMIN_SECRET, bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.presets import forget_presets

LIMIT = 100_000  # bytes of a body
SMALL = 64 * 1024  # where no model is asked
HELD = [route for route in ROUTES if route.who == HOLDER]
SCOPED = [route for route in HELD if route.scope]
COUNTED = [route for route in HELD if route.metered]
COUNTERS = [one.path for one in all_counters()]
TAKES_TOKENS = [route for route in COUNTED if route.scope != "models:pull"]
UNCOUNTED = [route for route in HELD if not route.metered]
BODIES = [route for route in ROUTES if route.body]


def by_name(routes: list[Route]) -> Any:
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, shared_dsn, MAX_BODY_BYTES=LIMIT) as running:
        yield running
        forget_presets(running.url)


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> Iterator[httpx.Client]:
    with connect(gateway.url) as made:
        yield made


def call(
    client: httpx.Client, route: Route, key: str | None = None, body: bytes | None = None
) -> httpx.Response:
    """The example of a route with the model that is there, or another body."""
    headers = bearer(key) if key else {}
    if route.who == OWNER:
        headers = {"X-Admin-Secret": ADMIN_SECRET}
    example = route.example
    if example is not None and "model" in example:
        example = {**example, "model": MODEL}
    if body is None and example is not None:
        body = json.dumps(example).encode()
    path = route.path.replace("{id}", KEY_ID).replace("{model}", MODEL)
    return client.request(route.method, path, headers=headers, content=body)


@by_name(SCOPED)
def test_a_key_without_the_scope_of_a_route_may_not_use_it(
    client: httpx.Client, gateway: GatewayProcess, route: Route
) -> None:
    others = [scope for scope in SCOPES if scope != route.scope]
    answer = call(client, route, make_key(gateway.url, scopes=others))
    assert answer.status_code == 403
    assert "may not use this route" in answer.text
    assert answer.headers["x-should-retry"] == "false"
    answer = call(client, route, make_key(gateway.url, scopes=[route.scope]))
    assert answer.status_code == route.status, answer.text


@by_name([route for route in HELD if not route.scope])
def test_a_route_that_names_no_scope_takes_any_key(
    client: httpx.Client, gateway: GatewayProcess, route: Route
) -> None:
    for scope in SCOPES:
        key = make_key(gateway.url, scopes=[scope])
        assert call(client, route, key).status_code == route.status


@by_name(BODIES)
def test_a_body_is_as_large_as_the_reference_says_and_no_larger(
    client: httpx.Client, gateway: GatewayProcess, route: Route
) -> None:
    key = make_key(gateway.url, scopes=list(SCOPES))
    most = LIMIT if route in TAKES_TOKENS or route.path in COUNTERS else SMALL
    fits = call(client, route, key, b" " * (most - 2) + b"{}")
    assert fits.status_code not in {413, 431}, fits.text
    larger = call(client, route, key, b" " * (most - 1) + b"{}")
    assert larger.status_code == 413
    assert str(most) in larger.text


def test_what_does_not_count_can_be_called_as_often_as_one_likes(
    client: httpx.Client, gateway: GatewayProcess
) -> None:
    key = make_key(gateway.url, rate_limit_per_min=1, monthly_token_limit=0, scopes=list(SCOPES))
    for _ in range(3):
        for route in UNCOUNTED:
            assert call(client, route, key).status_code == route.status


@by_name(COUNTED)
def test_what_counts_is_one_request_and_tells_what_is_left(
    client: httpx.Client, gateway: GatewayProcess, route: Route
) -> None:
    key = make_key(gateway.url, rate_limit_per_min=1, scopes=list(SCOPES))
    first, second = call(client, route, key), call(client, route, key)
    assert (first.status_code, second.status_code) == (route.status, 429), first.text
    for answer in (first, second):
        assert set(RATE_HEADERS) <= set(answer.headers)
    assert int(second.headers["retry-after"]) >= 1
    assert "x-should-retry" not in second.headers


@by_name(TAKES_TOKENS)
def test_a_spent_key_is_told_that_no_retry_helps(
    client: httpx.Client, gateway: GatewayProcess, route: Route
) -> None:
    answer = call(client, route, make_key(gateway.url, monthly_token_limit=0, scopes=list(SCOPES)))
    assert answer.status_code == 429
    assert answer.headers["x-should-retry"] == "false"
    assert set(RATE_HEADERS) <= set(answer.headers)


@by_name([route for route in ROUTES if route.name != "watchGateway"])  # it does not end
def test_every_answer_has_the_headers_of_its_kind(
    client: httpx.Client, gateway: GatewayProcess, route: Route
) -> None:
    key = make_key(gateway.url, scopes=list(SCOPES))
    good, refused = call(client, route, key), call(client, route)
    for answer in (good, refused):
        assert len(answer.headers["x-request-id"]) == 36
        same = answer.headers["x-request-id"] if route.path.startswith("/v1/messages") else None
        assert answer.headers.get("request-id") == same
    assert ("x-ratelimit-limit-tokens" in good.headers) == route.metered
    if route.who == HOLDER:
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "Incorrect API key provided" in refused.text
    if refused.status_code == 401:
        assert refused.headers["x-should-retry"] == "false"


def test_what_everybody_may_call_needs_no_key(client: httpx.Client) -> None:
    for route in ROUTES:
        answer = client.request(route.method, route.path.replace("{id}", KEY_ID))
        assert (answer.status_code == 401) == (route.who != PUBLIC), route.path
