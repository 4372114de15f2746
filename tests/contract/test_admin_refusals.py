"""What /admin refuses, and how, with the gateway and with the Supabase function alike."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.admin.calls import ROUTES, UNKNOWN, Owner, error
from tests.support.admin.servers import SECRET, Admin
from tests.support.paths import ROOT
from tests.support.raw_client import exchange, request

BODIES = json.loads((ROOT / "tests/vectors/bodies.json").read_text("utf-8"))["refused"]
PATHS = {
    "create": ("POST", "/admin/api-keys"),
    "update": ("PATCH", f"/admin/api-keys/{UNKNOWN}"),
    "rotate": ("POST", f"/admin/api-keys/{UNKNOWN}/rotate"),
}
KIB = 1024


@pytest.mark.parametrize("shape", PATHS)
def test_a_wrong_body_is_refused_and_named_as_in_the_vectors(
    admin: Admin, owner: Owner, shape: str
):
    for vector in BODIES:
        if vector["shape"] != shape:
            continue
        answer = owner.ask(*PATHS[shape], vector["body"].encode())
        assert answer.status_code == 400, vector
        told = error(answer)
        assert told.pop("message")
        assert told == {
            "type": "invalid_request_error",
            "code": "invalid_request",
            "param": vector["param"],
        }, vector
    assert {name for name, _ in admin.calls()} <= {"admin_login"}


def nested(depth: int) -> bytes:
    """An object that stands around lists: `depth` in one another."""
    return b'{"label":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b'{"label":"x"}' + b" " * (64 * KIB), 413, None),
        (b" " * (1024 * KIB), 413, None),
        (b'{"label":"x"' + b" " * (64 * KIB - 13) + b"}", 201, None),  # just as much as may be
        (b"\xff\xfe", 400, None),
        (b'{"label":"\xed\xa0\x80"}', 400, None),
        (b'{"label":"x"}\xc0', 400, None),
        (b'{"label":"\\ud800"}', 400, "label"),
        (b'{"label":"x","\\udfff":1}', 400, None),
        (b'{"a":' * 9_000, 400, None),
        (b"[" * 60_000, 400, None),
        (nested(500), 400, "label"),  # as deep as may be, and no text
        (nested(501), 400, None),
        (nested(2_000), 400, None),
        (nested(30_000), 400, None),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, None),
        (b'{"label":' + b"9" * 60_000 + b"}", 400, None),
        (b'{"label":1e999999}', 400, None),
        (b'{"label":"x","monthly_token_limit":1e300}', 400, "monthly_token_limit"),
        (b'{"label":"x","rate_limit_per_min":' + b"9" * 300 + b"}", 400, "rate_limit_per_min"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_huge_deep_or_broken_body_does_no_harm(
    owner: Owner, body: bytes, status: int, param: str | None
):
    answer = owner.ask("POST", "/admin/api-keys", body)
    assert answer.status_code == status
    if status != 201:
        codes = {400: "invalid_request", 413: "request_too_large"}
        told = error(answer)
        assert (told["code"], told["param"]) == (codes[status], param)
    owner.create("still works")


def test_a_body_that_comes_in_pieces_without_a_length_is_bounded_too(owner: Owner):
    def pieces() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * KIB

    answer = owner.client.post("/admin/api-keys", content=pieces())
    assert error(answer)["code"] == "request_too_large"


def test_a_body_that_breaks_off_is_no_failure_of_ours(
    admin: Admin, owner: Owner, caplog: pytest.LogCaptureFixture
):
    printed = len(admin.log())
    secret = f"X-Admin-Secret: {SECRET}".encode().decode("latin-1")
    head = request("POST", "/admin/api-keys", b"", secret)
    head = head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    port = urlsplit(admin.url).port
    assert port
    exchange(port, [head + b"1\r\n{\r\nzz\r\n"])
    assert owner.listed()["data"] == []
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert admin.log()[printed:] == ""


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("label", " \n"),
        ("label", "\ud800"),
        ("owner_email", "nobody"),
        ("rate_limit_per_min", 0),
        ("monthly_token_limit", 10**30),
        ("allowed_models", ["a/b/c/d\ud800"]),
        ("allowed_origins", ["x"]),
        ("scopes", []),
        ("expires_at", "2030-02-30"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(owner: Owner, field: str, given: Any):
    for method, path in (("POST", "/admin/api-keys"), ("PATCH", f"/admin/api-keys/{UNKNOWN}")):
        body = {field: given} if method == "PATCH" else {"label": "x", field: given}
        answer = owner.ask(method, path, body)
        told = error(answer)
        assert (answer.status_code, told["param"]) == (400, field)
        assert told["message"].startswith(f"{field} ")


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("POST /admin/api-keys", {"label": "x", "expires_at": "2001-01-01"}, "expires_at"),
        (f"PATCH /admin/api-keys/{UNKNOWN}", {}, None),
        (f"PATCH /admin/api-keys/{UNKNOWN}", None, None),
        (f"POST /admin/api-keys/{UNKNOWN}/rotate", {"grace_seconds": -1}, "grace_seconds"),
        (f"POST /admin/api-keys/{UNKNOWN}/rotate", {"grace_seconds": 2592001}, "grace_seconds"),
        *(
            (f"GET /admin/api-keys?limit={given}", None, "limit")
            for given in ("0", "1001", "", "-1", "1.0", "%D9%A1", "999999")
        ),
        *(
            (f"GET /admin/api-keys?cursor={given}", None, "cursor")
            for given in ("%00", "%0a", "%C2%85")
        ),
        *(
            (f"GET /admin/api-keys?cursor={given}", None, None)
            for given in ("", "x'--", "%ff", UNKNOWN)
        ),
        ("GET /admin/usage?from=", None, "from"),
        ("GET /admin/usage?to=2026-02-30", None, "to"),
        ("GET /admin/usage?to=2026-1-1", None, "to"),
        ("GET /admin/usage?from=0000-01-01", None, "from"),
        ("GET /admin/usage?from=2026-01-01T00:00:00Z", None, "from"),
        ("GET /admin/usage?from=2026-01-02&to=2026-01-01", None, "to"),
        ("GET /admin/usage?group_by=week", None, "group_by"),
        ("GET /admin/usage?to=2026-01-01&to=2026-01-01", None, "to"),
        ("GET /admin/usage?days=7", None, None),
    ],
)
def test_what_cannot_be_done_is_refused_and_named(
    owner: Owner, path: str, body: Any, param: str | None
):
    answer = owner.ask(*path.split(" "), body)
    assert answer.status_code == 400
    told = error(answer)
    assert (told["code"], told["param"]) == ("invalid_request", param)
    assert told["message"].endswith(".")


@pytest.mark.parametrize("bad", ["x", "0", UNKNOWN[:-1], UNKNOWN.replace("-", ""), "%7B%7D", "%ff"])
def test_what_is_no_id_is_not_found(owner: Owner, bad: str):
    for method, path in ROUTES:
        if UNKNOWN in path:
            body = {"label": "x"} if method == "PATCH" else None
            answer = owner.ask(method, path.replace(UNKNOWN, bad), body)
            assert (answer.status_code, error(answer)["param"]) == (404, "id")
    answer = owner.ask("GET", f"/admin/usage?api_key_id={bad}")
    assert (answer.status_code, error(answer)["param"]) == (404, "id")


def test_an_id_that_no_key_has_is_not_found(owner: Owner):
    for method, path in [*ROUTES, ("GET", f"/admin/usage?api_key_id={UNKNOWN}")]:
        if UNKNOWN in path:
            body = {"label": "x"} if method == "PATCH" else None
            answer = owner.ask(method, path, body)
            assert (answer.status_code, error(answer)["code"]) == (404, "not_found")


def test_a_revoked_key_is_not_rotated(owner: Owner):
    made = owner.create()
    owner.done("DELETE", f"/admin/api-keys/{made['id']}")
    answer = owner.ask("POST", f"/admin/api-keys/{made['id']}/rotate")
    assert (answer.status_code, error(answer)["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("line", "allow"),
    [
        ("PUT /admin/api-keys", "GET, HEAD, OPTIONS, POST"),
        ("DELETE /admin/api-keys", "GET, HEAD, OPTIONS, POST"),
        (f"GET /admin/api-keys/{UNKNOWN}", "DELETE, OPTIONS, PATCH"),
        (f"HEAD /admin/api-keys/{UNKNOWN}", "DELETE, OPTIONS, PATCH"),
        (f"GET /admin/api-keys/{UNKNOWN}/rotate", "OPTIONS, POST"),
        ("POST /admin/usage", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_told_which_ones_there_are(owner: Owner, line: str, allow: str):
    answer = owner.ask(*line.split(" "))
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    if not line.startswith("HEAD"):
        assert error(answer)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/admin/api-keys", "/admin/usage", "/admin/usage?days=7"])
def test_head_says_what_get_says_without_its_body(owner: Owner, path: str):
    head, got = owner.ask("HEAD", path), owner.ask("GET", path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/admin",
            "/admin/",
            "/admin/nothing",
            "/admin/api-keys/a/b",
            "/admin/api-keys/a/rotate/b",
        ),
        *("/Admin/usage", "/admin/%75sages", "/admin/constructor", "/admin/usage/x"),
        *("/admin//usage", "/admin/../admin/usage", "/admin/./usage", "/admin/%2e%2e/usage"),
        *("/admin%2fusage", "/admin/usage%00", "/admin\\usage", "/admin/usage%0a"),
    ],
)
def test_there_is_nothing_at_another_path(owner: Owner, path: str):
    answer = owner.ask("GET", path)
    assert answer.status_code == 404
    assert error(answer)["code"] == "not_found"


def test_more_headers_than_a_proxy_lets_through_are_refused(owner: Owner):
    answer = owner.ask("GET", "/admin/usage", x_filler="y" * 33_000)
    assert answer.status_code == 431
    assert error(answer)["code"] == "headers_too_large"


@contextmanager
def away(admin: Admin) -> Iterator[None]:
    admin.away(True)
    try:
        yield
    finally:
        admin.away(False)


def test_a_database_that_is_away_is_told_from_a_refusal_and_comes_back(admin: Admin, owner: Owner):
    with away(admin):
        for method, path in ROUTES:
            answer = owner.ask(
                method, path, {"label": "x"} if method in {"POST", "PATCH"} else None
            )
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            told = error(answer)
            assert told["type"] == "service_unavailable_error"
            assert told["code"] == "server_is_overloaded"
    owner.create("it is back")
