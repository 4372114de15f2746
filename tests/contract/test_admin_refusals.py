"""What /admin refuses, and how, with the gateway and with the Supabase function alike."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.admin.calls import ROUTES, UNKNOWN, Owner, error
from tests.support.admin.servers import ROOT, Admin

BODIES = json.loads((ROOT / "tests/vectors/bodies.json").read_text("utf-8"))["refused"]
PATHS = {
    "create": ("POST", "/admin/api-keys"),
    "update": ("PATCH", f"/admin/api-keys/{UNKNOWN}"),
    "rotate": ("POST", f"/admin/api-keys/{UNKNOWN}/rotate"),
}
NO_ID = "id should be the id of a key, as the list of keys shows it."
KIB = 1024


@pytest.mark.parametrize("shape", PATHS)
def test_a_wrong_body_is_refused_with_the_words_of_the_vectors(
    admin: Admin, owner: Owner, shape: str
):
    for vector in BODIES:
        if vector["shape"] != shape:
            continue
        answer = owner.ask(*PATHS[shape], vector["body"].encode())
        assert answer.status_code == 400, vector
        told = error(answer)
        assert (told["message"], told["param"]) == (vector["message"], vector["param"])
        assert (told["type"], told["code"]) == ("invalid_request_error", "invalid_request")
    assert {name for name, _ in admin.calls()} <= {"admin_login"}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"label":"x"}' + b" " * (64 * KIB), 413, "larger than 65536 bytes"),
        (b" " * (1024 * KIB), 413, "larger than 65536 bytes"),
        (b'{"label":"x"' + b" " * (64 * KIB - 13) + b"}", 201, None),  # just as much as may be
        (b"\xff\xfe", 400, "not valid UTF-8"),
        (b'{"label":"\xed\xa0\x80"}', 400, "not valid UTF-8"),
        (b'{"label":"x"}\xc0', 400, "not valid UTF-8"),
        (b'{"a":' * 9_000, 400, "nested too deeply"),
        (b"[" * 60_000, 400, "nested too deeply"),
        (b'{"label":' + b"[" * 20_000 + b"]" * 20_000 + b"}", 400, "nested too deeply"),
        (b'{"x":' + b"[" * 100 + b"]" * 100 + b"}", 400, "unknown field `x`"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_huge_deep_or_broken_body_does_no_harm(
    owner: Owner, body: bytes, status: int, words: str | None
):
    answer = owner.ask("POST", "/admin/api-keys", body)
    assert answer.status_code == status
    assert words is None or words in error(answer)["message"]
    owner.create("still works")


def test_a_body_that_comes_in_pieces_without_a_length_is_bounded_too(owner: Owner):
    def pieces() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * KIB

    answer = owner.client.post("/admin/api-keys", content=pieces())
    assert error(answer)["code"] == "request_too_large"


@pytest.mark.parametrize(
    ("field", "given", "words"),
    [
        ("label", " \n", "label should be 1 to 100 printable characters."),
        ("label", "\ud800", "label should be 1 to 100 printable characters."),
        ("owner_email", "nobody", "owner_email should be an e-mail address."),
        ("rate_limit_per_min", 0, "rate_limit_per_min should be between 1 and 1000000."),
        (
            "monthly_token_limit",
            10**30,
            "monthly_token_limit should be between 0 and 1000000000000.",
        ),
        ("allowed_models", ["a/b/c/d\ud800"], "allowed_models 'a/b/c/d?' is not a model name."),
        ("allowed_origins", ["x"], "allowed_origins should be a list of origins"),
        (
            "scopes",
            [],
            "scopes should be some of chat, embeddings, models:read, models:pull, ollama:native.",
        ),
        ("expires_at", "2030-02-30", "expires_at should be a time such as 2030-01-31T12:00:00Z."),
    ],
)
def test_a_field_that_cannot_be_used_is_named(owner: Owner, field: str, given: Any, words: str):
    for method, path in (("POST", "/admin/api-keys"), ("PATCH", f"/admin/api-keys/{UNKNOWN}")):
        body = {field: given} if method == "PATCH" else {"label": "x", field: given}
        answer = owner.ask(method, path, body)
        told = error(answer)
        assert (answer.status_code, told["param"]) == (400, field)
        assert told["message"].startswith(words)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("POST /admin/api-keys", {"label": "x", "expires_at": "2001-01-01"}, "lies in the past."),
        (f"PATCH /admin/api-keys/{UNKNOWN}", {}, "Name at least one thing to change."),
        (f"PATCH /admin/api-keys/{UNKNOWN}", None, "Name at least one thing to change."),
        (f"POST /admin/api-keys/{UNKNOWN}/rotate", {"grace_seconds": -1}, "between 0 and 2592000."),
        (f"POST /admin/api-keys/{UNKNOWN}/rotate", {"grace_seconds": 2592001}, "and 2592000."),
        ("GET /admin/api-keys?limit=0", None, "limit should be between 1 and 1000."),
        ("GET /admin/api-keys?limit=1001", None, "limit should be between 1 and 1000."),
        ("GET /admin/api-keys?limit=", None, "limit should be a number."),
        ("GET /admin/api-keys?limit=-1", None, "limit should be a number."),
        ("GET /admin/api-keys?limit=1.0", None, "limit should be a number."),
        ("GET /admin/api-keys?limit=%D9%A1", None, "limit should be a number."),
        ("GET /admin/api-keys?limit=999999", None, "limit should be a number."),
        ("GET /admin/api-keys?cursor=", None, "This cursor is not one that a list gave."),
        ("GET /admin/api-keys?cursor=x'--", None, "This cursor is not one that a list gave."),
        ("GET /admin/api-keys?cursor=%00", None, "This cursor is not one that a list gave."),
        ("GET /admin/api-keys?cursor=%ff", None, "This cursor is not one that a list gave."),
        (f"GET /admin/api-keys?cursor={UNKNOWN}", None, "This cursor is not one that a list gave."),
        ("GET /admin/usage?from=", None, "Dates should read 2026-11-24."),
        ("GET /admin/usage?to=2026-02-30", None, "Dates should read 2026-11-24."),
        ("GET /admin/usage?to=2026-1-1", None, "Dates should read 2026-11-24."),
        ("GET /admin/usage?from=0000-01-01", None, "Dates should read 2026-11-24."),
        ("GET /admin/usage?from=2026-01-01T00:00:00Z", None, "Dates should read 2026-11-24."),
        (
            "GET /admin/usage?from=2026-01-02&to=2026-01-01",
            None,
            "The range ends before it begins.",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_clear_words(
    owner: Owner, path: str, body: Any, words: str
):
    answer = owner.ask(*path.split(" "), body)
    assert answer.status_code == 400
    assert error(answer)["message"].endswith(words)


@pytest.mark.parametrize("bad", ["x", "0", UNKNOWN[:-1], UNKNOWN.replace("-", ""), "%7B%7D", "%ff"])
def test_what_is_no_id_is_not_found(owner: Owner, bad: str):
    for method, path in ROUTES:
        if UNKNOWN in path:
            body = {"label": "x"} if method == "PATCH" else None
            answer = owner.ask(method, path.replace(UNKNOWN, bad), body)
            assert (answer.status_code, error(answer)["message"]) == (404, NO_ID)
    answer = owner.ask("GET", f"/admin/usage?api_key_id={bad}")
    assert (answer.status_code, error(answer)["param"]) == (404, "id")


def test_an_id_that_no_key_has_is_not_found(owner: Owner):
    for method, path in [*ROUTES, ("GET", f"/admin/usage?api_key_id={UNKNOWN}")]:
        if UNKNOWN in path:
            body = {"label": "x"} if method == "PATCH" else None
            answer = owner.ask(method, path, body)
            assert answer.status_code == 404
            assert error(answer)["message"] == "There is no key with this id."


def test_a_revoked_key_is_not_rotated(owner: Owner):
    made = owner.create()
    owner.done("DELETE", f"/admin/api-keys/{made['id']}")
    answer = owner.ask("POST", f"/admin/api-keys/{made['id']}/rotate")
    assert answer.status_code == 400
    assert error(answer)["message"] == "This key has been revoked: make a new one."


@pytest.mark.parametrize(
    ("line", "allow"),
    [
        ("PUT /admin/api-keys", "GET, OPTIONS, POST"),
        ("HEAD /admin/api-keys", "GET, OPTIONS, POST"),
        ("DELETE /admin/api-keys", "GET, OPTIONS, POST"),
        (f"GET /admin/api-keys/{UNKNOWN}", "DELETE, OPTIONS, PATCH"),
        (f"GET /admin/api-keys/{UNKNOWN}/rotate", "OPTIONS, POST"),
        ("POST /admin/usage", "GET, OPTIONS"),
    ],
)
def test_another_method_is_told_which_ones_there_are(owner: Owner, line: str, allow: str):
    answer = owner.ask(*line.split(" "))
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    if not line.startswith("HEAD"):
        assert error(answer)["message"] == f"Use {allow} here."


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
            assert told["message"] == "The key database does not answer at the moment."
    owner.create("it is back")
