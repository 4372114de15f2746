"""Wrong keys, bodies and wishes get a clear error; none is a 500, none reaches the model."""

import asyncio
import json

import pytest

from gateway.core import keys
from tests.support.callers import admin, make_key, make_keys
from tests.support.failing_parts import GatewayProcess
from tests.support.postgres import execute
from tests.support.raw_client import ask, chat, refused, request
from tests.support.wrong_bodies import BODIES, nested

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    "header",
    [
        "X-Nothing: here",
        "Authorization:",
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: Basic bGxtOnNlY3JldA==",
        "X-API-Key:",
        "X-API-Key: nonsense",
        "X-API-Key: \xff\xfe",
        "X-API-Key: llm_" + "0" * 32,
        "Authorization: Bearer " + "a" * 20_000,
        "Authorization: Bearer KEYx",
        "Authorization: Bearer KEY,KEY",
        "X-API-Key: ' or 1=1 --",
    ],
)  # fmt: skip
def test_what_is_no_key_is_a_401_before_anything_is_read(
    unharmed: int, key: str, header: str
) -> None:
    answer = ask(unharmed, request("POST", CHAT, b"not even JSON", header.replace("KEY", key)))
    refused(answer, 401, "invalid_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_that_is_unknown_revoked_or_expired_is_a_401(
    unharmed: int, gateway: GatewayProcess, shared_dsn: str
) -> None:
    revoked = make_keys(gateway.url)
    admin(gateway.url, "DELETE", f"/api-keys/{revoked['id']}")
    expired = make_keys(gateway.url)
    lapse = f"update gateway.api_keys set expires_at = now() where id = '{expired['id']}'"
    asyncio.run(execute(shared_dsn, lapse))
    told = {
        "does not exist": keys.make_key("llm"),
        "revoked": revoked["key"],
        "expired": expired["key"],
    }
    for words, shown in told.items():
        assert words in refused(chat(unharmed, shown), 401, "invalid_api_key")["message"]
        usage = ask(unharmed, request("GET", "/v1/usage", b"", f"X-API-Key: {shown}"))
        assert words in refused(usage, 401, "invalid_api_key")["message"]


@pytest.mark.parametrize("model", ["x:cloud", "gpt-oss:120b-cloud"])
def test_an_unknown_key_learns_nothing_about_models(unharmed: int, model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    bearer = f"Authorization: Bearer {keys.make_key('llm')}"
    answer = ask(unharmed, request("POST", CHAT, json.dumps(body).encode(), bearer))
    refused(answer, 401, "invalid_api_key")


@pytest.mark.parametrize("framing", ["Content-Length: 9999999", "Transfer-Encoding: chunked"])
def test_a_large_body_of_an_unknown_key_is_refused_before_it_comes(
    unharmed: int, framing: str
) -> None:
    shown = f"X-API-Key: {keys.make_key('llm')}"
    lines = [f"POST {CHAT} HTTP/1.1", "Host: x", "Connection: close", shown, framing]
    head = "\r\n".join([*lines, "", ""])
    refused(ask(unharmed, head.encode()), 401, "invalid_api_key")


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_wrong_is_a_400(unharmed: int, key: str, name: str) -> None:
    body = BODIES[name]
    answer = chat(unharmed, key, body.encode() if isinstance(body, str) else body)
    error = refused(answer, 400, "invalid_request")
    assert error["type"] == "invalid_request_error"
    assert len(answer.body) < 1000


def test_a_wrong_body_takes_nothing_from_the_key(unharmed: int, gateway: GatewayProcess) -> None:
    fresh = make_key(gateway.url, rate_limit_per_min=3)
    for _ in range(5):
        refused(chat(unharmed, fresh, b"{}"), 400, "invalid_request")
    report = json.loads(ask(unharmed, request("GET", "/v1/usage", b"", f"X-API-Key: {fresh}")).body)
    month = report["month"]
    assert (month["requests"], month["tokens_used"], month["tokens_held"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/admin/api-keys?limit=-1", b""),
        ("GET", "/admin/api-keys?limit=1e3", b""),
        ("GET", "/admin/api-keys?limit=100000000000000000000", b""),
        ("GET", "/admin/api-keys?limit=%FF", b""),
        ("GET", "/admin/api-keys?cursor=%00", b""),
        ("GET", "/admin/api-keys?cursor=nonsense", b""),
        ("GET", "/admin/usage?from=2026-02-30", b""),
        ("GET", "/admin/usage?from=%00", b""),
        ("GET", "/admin/usage?from=2026-02-02&to=2026-02-01", b""),
        ("POST", "/admin/api-keys", b""),
        ("POST", "/admin/api-keys", b"{"),
        ("POST", "/admin/api-keys", b'{"label": "\\u0000"}'),
        ("POST", "/admin/api-keys", b'{"label": "\\ud800"}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "Label": "y"}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "label": "y"}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "is_active": false}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "rate_limit_per_min": 99999999999999999999}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "monthly_token_limit": -1}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "allowed_origins": ["http://[::1"]}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "allowed_origins": ["\\ud800://x"]}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "allowed_models": ["a b"]}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "owner_email": "a@b\\u0000"}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "expires_at": "0001-01-01T00:00+23:59"}'),
        ("POST", "/admin/api-keys", b'{"label": "x", "scopes": ["root"]}'),
        ("POST", "/admin/api-keys/ID/rotate", b'{"grace_seconds": -1}'),
        ("POST", "/admin/api-keys/ID/rotate", b'{"grace_seconds": 1e400}'),
        ("PATCH", "/admin/api-keys/ID", b"{}"),
        ("PATCH", "/admin/api-keys/ID", b'{"label": null}'),
        ("PATCH", "/admin/api-keys/ID", nested("[", "]").encode()),
    ],
)  # fmt: skip
def test_what_an_owner_asks_wrongly_is_a_400(
    unharmed: int, gateway: GatewayProcess, method: str, path: str, body: bytes
) -> None:
    path = path.replace("ID", make_keys(gateway.url)["id"])
    answer = ask(unharmed, request(method, path, body, "X-Admin-Secret: for-tests-only"))
    refused(answer, 400, "invalid_request")


@pytest.mark.parametrize("name", ["x", "%00", "%FF", "0" * 32, "..%2f", "a" * 5000])
def test_a_key_that_is_not_there_is_a_404_for_its_owner(unharmed: int, name: str) -> None:
    for method in ("DELETE", "PATCH"):
        body = b'{"label": "x"}' if method == "PATCH" else b""
        path = f"/admin/api-keys/{name}"
        asked = request(method, path, body, "X-Admin-Secret: for-tests-only")
        refused(ask(unharmed, asked), 404, "not_found")
