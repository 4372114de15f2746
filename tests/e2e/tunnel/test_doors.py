"""Nothing that came through the tunnel reaches what is for the owner, however it is spelled."""

from collections.abc import Iterator

import pytest

from tests.support.behind_a_tunnel import MARKS, SECRET, Way, ask_all, behind, ways
from tests.support.callers import admin, make_keys
from tests.support.fake_upstream import FakeUpstream
from tests.support.lane_calls import OWNER_CALLS, reached
from tests.support.raw_client import Answer
from tests.support.tunnel.up import Up

LABEL = "known to the owner alone"
ADMIN = "admin/api-keys"
PAGES = ("docs", "redoc", "openapi.json", "metrics")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get")
# What tells that a page or an answer behind the door was reached.
INSIDE = (LABEL.encode(), b"Save this key", b'"openapi"', b"<html", b'"next"')
SPELLINGS = (
    *("/{}", "/{}/", "/{}//", "/{}?x=/v1/", "/{}?/../v1/models", "/{};x", "/{};/../v1/models"),
    *("//{}", "///{}", "/./{}", "/../{}", "/v1/../{}", "/v1/models/../../{}", "/{}/.", "/{}/x/.."),
    *(
        "/%2e/{}",
        "/v1/%2e%2e/{}",
        "/v1/.%2E/{}",
        "/v1/..%2f{}",
        "/%2f{}",
        "/%2F{}",
        "/v1%2f..%2f{}",
    ),
    *("/v1/models/..%2f..%2f{}", "/v1/models/%2e%2e/{}", "/v1/models/..%2F..%2F{}"),
    *("/{}%20", "/{}%00", "/{}%0d%0a", "/{}%09", "/%00/{}", "/{}%23", "/{}%3f", "/%20{}"),
    *("/\\{}", "\\{}", "/%5c{}", "/v1\\..\\{}", "/;/{}", "/v1;/../{}", "/v1/..;/{}", "/.;/{}"),
    *("http://127.0.0.1:8000/{}", "http://localhost/{}", "HTTP://x/{}", "https://[::1]/{}"),
    *("http://127.0.0.1//{}", "http://x/v1/../{}", "http://u:p@x/{}", "file:///{}", "//x/{}"),
    *("/%C0%AF{}", "/%c0%ae%c0%ae/{}", "/%EF%BC%8F{}", "/%u002f{}", "*{}", "/*/{}", "/{}#/v1/"),
    *("/{}.json", "/{}.", "/http:/127.0.0.1/{}", "/http://127.0.0.1/{}", "?/{}"),
)


def percent(text: str) -> str:
    return "".join(f"%{ord(one):02x}" for one in text)


# How a page's own name may be spelled.
NAMES = {
    "as it is": str,
    "capitals": str.upper,
    "a capital": str.capitalize,
    "encoded": percent,
    "first letter encoded": lambda name: f"%{ord(name[0]):02x}{name[1:]}",
    "first letter encoded twice": lambda name: f"%25{ord(name[0]):02x}{name[1:]}",
    "full width": lambda name: f"%EF%BD%{0x60 + ord(name[0]):02X}"[:12] + name[1:],
    "a long letter": lambda name: name.replace("s", "%C5%BF"),
}


@pytest.fixture(scope="module")
def it(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[Up]:
    with behind(shared_upstream, shared_dsn) as running:
        make_keys(running.gateway.url, LABEL)
        yield running


@pytest.fixture(params=["through", "marked"])
def way(request: pytest.FixtureRequest, it: Up) -> Way:
    return ways(it)[request.param]


def closed(answer: Answer) -> bool:
    """Nothing of what is behind the door. A preflight tells nothing, wherever it goes."""
    assert not any(mark in answer.body for mark in INSIDE), answer
    return answer.status >= 400 or (answer.status == 204 and not answer.body)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_path_opens_a_door(way: Way, spelling: str):
    requests = [
        *(way.request(method, spelling.format(ADMIN), SECRET) for method in METHODS),
        *(way.request("GET", spelling.format(page)) for page in PAGES),
    ]
    for request, answer in zip(requests, ask_all(way, requests), strict=True):
        assert closed(answer), (request, answer)


@pytest.mark.parametrize("name", NAMES)
def test_no_spelling_of_a_name_does(way: Way, name: str):
    targets = [f"/{NAMES[name](page)}" for page in (ADMIN, *PAGES)]
    requests = [
        way.request(method, target, SECRET) for target in targets for method in ("GET", "POST")
    ]
    for request, answer in zip(requests, ask_all(way, requests), strict=True):
        assert closed(answer), (request, answer)


def test_what_is_spelled_well_is_told_why_it_is_closed(way: Way):
    answers = ask_all(way, [way.request("GET", f"/{page}", SECRET) for page in (ADMIN, *PAGES)])
    assert [answer.status for answer in answers] == [403, 404, 404, 404, 403]
    assert b"ADMIN_THROUGH_TUNNEL" in answers[0].body or b"tunnel" in answers[0].body


def test_every_route_of_the_owner_s_is_closed_and_nothing_was_changed(it: Up, way: Way):
    before = admin(it.gateway.url, "GET", "/api-keys")
    [one] = [key for key in before["data"] if key["label"] == LABEL]
    requests = [
        way.request(
            call.method,
            call.path.replace("00000000-0000-4000-8000-000000000000", one["id"]),
            SECRET,
            body=b'{"label":"made from outside","is_active":false}'
            if call.body is not None
            else b"",
        )
        for call in OWNER_CALLS
    ]
    assert len(requests) >= 6
    for answer in ask_all(way, requests):
        assert answer.status == 403
        assert closed(answer)
    assert admin(it.gateway.url, "GET", "/api-keys") == before


# Headers by which some servers let a caller name another path, method, host or address.
TRICKS = (
    *(f"{name}: /admin/api-keys" for name in ("X-Original-URL", "X-Rewrite-URL", "X-Override-URL")),
    *(f"{name}: /admin/api-keys" for name in ("X-Forwarded-Prefix", "X-Forwarded-Path", "X-Path")),
    *(
        "X-Original-URI: /admin/api-keys",
        "X-Accel-Redirect: /admin/api-keys",
        "SCRIPT_NAME: /admin",
    ),
    *("X-HTTP-Method-Override: DELETE", "X-Method-Override: POST", "X-HTTP-Method: PATCH"),
    *("X-Forwarded-Host: 127.0.0.1:8000", "X-Host: localhost", "Forwarded: for=127.0.0.1;host=x"),
    *(
        "X-Forwarded-For: 127.0.0.1",
        "X-Real-IP: 127.0.0.1",
        "X-Client-IP: ::1",
        "Via: 1.0 localhost",
    ),
    *("Referer: http://127.0.0.1:8000/admin", "Origin: http://127.0.0.1:8000", "Cookie: admin=1"),
    *("Connection: cf-ray, cf-connecting-ip, cf-visitor, cf-ipcountry, cdn-loop", "Keep-Alive: x"),
    *("Connection: close, CF-Ray", "TE: trailers", "Trailer: CF-Ray", "Expect: 100-continue"),
    *("CF-Ray:", "CF-Connecting-IP: 127.0.0.1", "CDN-Loop:", "CF_Ray: x", "X-CF-Ray:"),
    *("X-Stand-In-Client: 127.0.0.1", "True-Client-IP: 127.0.0.1", "X-Forwarded-Proto: http"),
    *("Upgrade: h2c", "Upgrade: websocket", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"),
)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_header_opens_a_door_or_leads_through_another(way: Way, trick: str):
    open_doors = ("/health", "/", "/v1/models")
    requests = [
        *(way.request("GET", f"/{page}", SECRET, trick) for page in (ADMIN, *PAGES)),
        *(way.request("GET", path, SECRET, trick) for path in open_doors),
        *(way.request("GET", path, SECRET) for path in open_doors),
    ]
    answers = ask_all(way, requests)
    shut, tried, plain = answers[:5], answers[5:8], answers[8:]
    assert all(closed(answer) for answer in shut), shut
    foreign = trick.startswith("Origin")
    for one, other in zip(tried, plain, strict=True):
        assert foreign or one.status == other.status
        assert not any(mark in one.body for mark in INSIDE[:3])


ODD_MARKS = {
    "small letters": [mark.lower() for mark in MARKS],
    "capitals": [mark.upper() for mark in MARKS],
    "mixed": ["cF-rAy: x"],
    "without a value": ["CF-Ray:"],
    "of spaces": ["CF-Ray: \t "],
    "twice": ["CF-Ray: x", "CF-Ray: y"],
    "one that is new": ["CF-Something-That-Is-Added-In-2031: x"],
    "alone": ["CDN-Loop: x"],
    "named as a hop's own": ["CF-Ray: x", "Connection: CF-Ray"],
}


@pytest.mark.parametrize("marks", ODD_MARKS)
def test_a_mark_of_the_edge_is_seen_in_any_form(it: Up, marks: str):
    way = ways(it)["marked"]._replace(marks=tuple(ODD_MARKS[marks]))
    for answer in ask_all(
        way, [way.request("GET", f"/{page}", SECRET) for page in (ADMIN, *PAGES)]
    ):
        assert closed(answer)


def test_the_same_doors_are_open_on_this_machine(it: Up):
    here = ways(it)["marked"]._replace(marks=())
    requests = [here.request("GET", f"/{page}", SECRET) for page in (ADMIN, "docs", "openapi.json")]
    for answer in ask_all(here, requests):
        assert answer.status == 200
        assert any(mark in answer.body for mark in INSIDE)


OLLAMA = ("pull", "push", "create", "copy", "delete", "blobs/sha256:0", "me", "signout", "status")
PREFIXES = (
    *("/api/", "/v1/../api/", "//api/", "/%61pi/", "/api%2f", "/API/", "/api/./", "/api//"),
    *("/v1/models/../../api/", "http://127.0.0.1:11434/api/", "/;/api/", "/v1/..;/api/"),
)


@pytest.mark.parametrize("name", OLLAMA)
def test_ollama_is_reached_by_no_route_that_is_not_listed(
    shared_upstream: FakeUpstream, way: Way, it: Up, name: str
):
    key, body = f"Authorization: Bearer {it.key}", b'{"model":"fake:latest","name":"fake"}'
    requests = [
        way.request(method, prefix + name, key, body=body if method != "GET" else b"")
        for prefix in PREFIXES
        for method in ("GET", "POST", "DELETE", "PUT")
    ]
    for request, answer in zip(requests, ask_all(way, requests), strict=True):
        assert answer.status >= 400, (request, answer)
    assert reached(shared_upstream) == set()
