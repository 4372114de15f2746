"""What holds for every request and answer: request ids, CORS, clear paths, bounded headers."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.config.settings import Settings
from gateway.core.record import Listeners
from gateway.http.cors import LONGEST_ORIGIN
from gateway.http.middleware import MAX_HEADERS, Middleware

pytestmark = pytest.mark.anyio

SITE = "https://site.example"
Headers = dict[str, str]


class Answer:
    """What an application, or the edge itself, answered."""

    def __init__(self, messages: list[Any], reached: bool) -> None:
        self.status = messages[0]["status"]
        self.headers = [(name.decode(), value.decode()) for name, value in messages[0]["headers"]]
        self.body = b"".join(message.get("body", b"") for message in messages[1:])
        self.reached = reached  # the application behind the edge

    def header(self, name: str) -> str | None:
        values = [value for header, value in self.headers if header == name]
        assert len(values) <= 1, f"{name} stands more than once"
        return values[0] if values else None


async def ask(
    path: str = "/v1/usage",
    method: str = "GET",
    headers: Headers | None = None,
    origins: tuple[str, ...] = ("*",),
    raw_path: bytes | None = None,
    changes: dict[str, Any] | None = None,
    server: tuple[str, int] | None = None,
    listeners: Listeners | None = None,
) -> Answer:
    messages: list[Any] = []
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok", "more_body": False})

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode() if raw_path is None else raw_path,
        "headers": [(k.encode(), v.encode()) for k, v in {"host": "h", **(headers or {})}.items()],
        "server": server,
    }
    settings = Settings(cors_origins=origins, **(changes or {}))
    edge = Middleware(app, settings, lambda: False, listeners=listeners)
    await edge(scope, None, send)
    return Answer(messages, bool(scopes))


@pytest.mark.parametrize("path", ["/v1/usage", "/v1//usage"])
async def test_every_answer_has_a_request_id_of_its_own(path: str):
    ids = {(await ask(path)).header("x-request-id") for _ in range(3)}
    assert len({UUID(one) for one in ids if one}) == 3


async def test_a_preflight_allows_just_the_headers_that_are_asked_for():
    asked = "authorization,x-stainless-os,x-stainless-lang,anthropic-version"
    answer = await ask(
        "/v1/chat/completions",
        "OPTIONS",
        {
            "origin": SITE,
            "access-control-request-method": "POST",
            "access-control-request-headers": asked,
        },
    )
    assert (answer.status, answer.body, answer.reached) == (204, b"", False)
    assert answer.header("access-control-allow-headers") == asked
    assert answer.header("access-control-allow-origin") in {"*", SITE}
    methods = answer.header("access-control-allow-methods") or ""
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(methods.split(", "))
    assert "Origin" in (answer.header("vary") or "")
    assert answer.header("access-control-allow-credentials") is None


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("chrome-extension://abcdefghijklmnop", True),
        ("https://a.example.com", True),
        ("https://example.com", False),
        ("moz-extension://abc", False),
        ("null", False),
    ],
)
async def test_a_pattern_lets_in_the_pages_that_match_it_and_no_other(origin: str, may: bool):
    patterns = ("chrome-extension://*", "https://*.example.com")
    answer = await ask(headers={"origin": origin}, origins=patterns)
    assert answer.reached is may
    assert answer.header("access-control-allow-origin") == (origin if may else None)


async def test_a_preflight_without_a_list_allows_what_clients_need():
    answer = await ask(method="OPTIONS", headers={"origin": SITE})
    allowed = set((answer.header("access-control-allow-headers") or "").split(", "))
    assert {"authorization", "x-api-key", "content-type", "anthropic-version"} <= allowed


async def test_an_answer_to_a_page_shows_it_the_limits_and_the_request_id():
    answer = await ask(headers={"origin": SITE})
    assert answer.reached
    assert answer.header("access-control-allow-origin") == "*"
    exposed = set((answer.header("access-control-expose-headers") or "").split(", "))
    assert {"x-request-id", "retry-after", "x-should-retry"} <= exposed
    for what in ("limit", "remaining", "reset"):
        assert {f"x-ratelimit-{what}-requests", f"x-ratelimit-{what}-tokens"} <= exposed


async def test_a_page_reads_the_name_that_anthropics_clients_give_a_request():
    answer = await ask("/v1/messages", headers={"origin": SITE})
    assert answer.header("request-id") == answer.header("x-request-id")
    exposed = set((answer.header("access-control-expose-headers") or "").split(", "))
    assert {"x-request-id", "request-id", "retry-after"} <= exposed


@pytest.mark.parametrize("path", ["/v1/usage", "/v1//usage", "/admin/usage"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_no_browser_takes_an_answer_for_anything_else(path: str, method: str):
    assert (await ask(path, method)).header("x-content-type-options") == "nosniff"


async def test_who_names_no_origin_gets_no_cors_headers():
    answer = await ask()
    assert not [name for name, _ in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (SITE, True),
        (SITE.upper(), True),
        ("https://other.example", False),
        ("http://site.example", False),
        (f"{SITE}.evil.example", False),
        (f"{SITE}:8443", False),
        ("null", False),
        ("", False),
        ("http://h", True),  # a page of the gateway itself
    ],
)
async def test_only_named_websites_may_call_where_they_are_named(origin: str, allowed: bool):
    answer = await ask(headers={"origin": origin}, origins=(SITE,))
    assert answer.reached is allowed
    assert answer.header("access-control-allow-origin") == (origin if allowed else None)
    assert answer.header("vary") == "Origin"
    if not allowed:
        assert answer.status == 403
        assert json.loads(answer.body)["error"]["code"] == "permission_denied"


async def test_an_error_of_the_edge_can_be_read_by_the_page():
    answer = await ask("/v1//usage", headers={"origin": SITE})
    assert answer.status == 404
    assert answer.header("access-control-allow-origin") == "*"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1//usage", {}, 404),
        ("/v1/usage", {"origin": "https://other.example"}, 403),
        ("/v1/usage", {"x": "a" * MAX_HEADERS}, 431),
    ],
)
async def test_no_cache_keeps_an_error_of_the_edge(path: str, headers: Headers, status: int):
    answer = await ask(path, headers=headers, origins=(SITE,))
    assert (answer.status, answer.header("cache-control")) == (status, "no-store")


UNCLEAR = [
    "/v1/../api/tags",
    "/v1/..",
    "/..",
    "/./v1/usage",
    "/v1/./usage",
    "//v1/usage",
    "/v1//usage",
    "/v1/usage//",
    "/api%2Ftags",
    "/api%2ftags",
    "/v1%5cusage",
    "/v1\\usage",
    "/v1/%2e%2e/usage",
    "/v1/.%2E/usage",
    "/v1/%2e/usage",
    "/v1/usage%00",
    "/v1/models/..%2F..%2fapi",
    "/v1/models/a%2F%2Fb",
    "/v1/models/a%5cb",
    "/v1/modelsx/a%2Fb",
    "/v1/embeddings%2Fb",
]


@pytest.mark.parametrize("path", UNCLEAR)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a_path_that_could_be_read_in_two_ways_reaches_no_route(path: str, method: str):
    answer = await ask(path, method, {"origin": SITE})
    assert (answer.status, answer.reached) == (404, False)
    assert set(json.loads(answer.body)["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/v1/models/gemma3:270m", "/v1/models/a.b", "/v1/..a", "/é"),
        *("/v1/models/lab/gemma:1", "/v1/models/lab%2Fgemma:1"),
    ],
)
async def test_an_ordinary_path_goes_on(path: str):
    assert (await ask(path)).reached


async def test_control_characters_in_a_decoded_path_reach_no_route():
    answer = await ask("/v1/usage\n", raw_path=b"/v1/usage%0a")
    assert (answer.status, answer.reached) == (404, False)


@pytest.mark.parametrize(
    ("path", "shape"),
    [("/v1//messages", "error"), ("/v1/messages/../x", "type"), ("/api//chat", "error")],
)
async def test_an_error_of_the_edge_speaks_the_language_of_its_path(path: str, shape: str):
    body = json.loads((await ask(path)).body)
    assert shape in body
    assert isinstance(body["error"], str) is path.startswith("/api/")


@pytest.mark.parametrize("spare", [0, -1])
async def test_headers_are_bounded_to_the_byte(spare: int):
    named = len("host" + "h" + "x")
    answer = await ask(headers={"x": "a" * (MAX_HEADERS - named - spare)})
    assert answer.reached is (spare == 0)
    assert answer.status == (200 if spare == 0 else 431)


async def test_many_small_headers_are_bounded_as_one_large_is():
    answer = await ask(headers={f"x-{number}": "a" * 10 for number in range(4000)})
    assert answer.status == 431


async def test_websockets_are_closed():
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await Middleware(None, Settings(), lambda: False)({"type": "websocket"}, None, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.text(max_size=10))
@example("/v1/usage", "*")
@example("/\u2028", "x")
async def test_any_path_and_origin_get_an_answer(path: str, origin: str):
    headers = {"origin": origin.encode("latin-1", "replace").decode("latin-1")}
    answer = await ask(f"/{path}", headers=headers, origins=(SITE,))
    assert answer.status in {200, 403, 404}
    assert answer.header("x-request-id")


async def test_an_origin_longer_than_any_website_has_is_refused():
    """What a key was allowed is remembered with it."""
    origin = "https://" + "a" * LONGEST_ORIGIN
    assert (await ask(headers={"origin": origin[:LONGEST_ORIGIN]})).reached
    answer = await ask(headers={"origin": origin})
    assert (answer.status, answer.reached) == (403, False)
