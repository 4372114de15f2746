"""HEAD is served wherever GET is, and says the same without a body."""

import httpx
import pytest

from gateway.reference.route import HOLDER, OWNER
from gateway.reference.table import ROUTES
from tests.support.callers import ADMIN_SECRET, bearer
from tests.support.fake_upstream import MODEL

READ = [route for route in ROUTES if route.method == "GET"]


@pytest.mark.parametrize("route", READ, ids=lambda route: route.path)
def test_head_says_what_get_says_without_its_body(client: httpx.Client, key: str, route) -> None:
    headers = {HOLDER: bearer(key), OWNER: {"X-Admin-Secret": ADMIN_SECRET}}.get(route.who, {})
    path = route.path.replace("{model}", MODEL)
    for sent in (headers, {}):
        head = client.head(path, headers=sent)
        with client.stream("GET", path, headers=sent) as got:  # some do not end
            assert (head.status_code, head.content) == (got.status_code, b"")
            assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat", "/api/show"])
def test_a_route_that_is_only_posted_to_names_its_method(client: httpx.Client, path: str) -> None:
    head = client.head(path)
    assert head.status_code == 405
    assert "POST" in head.headers["allow"]
