"""What the Supabase function `visitor-token` answers to preflights, to wrong bodies, and while a
part is away or not set up."""

import re
from typing import Any

import pytest

from tests.support.deno import needs_deno, running_function
from tests.support.postgrest.stand_in import Fault
from tests.support.visitor_tokens import (
    ENTRY,
    FOLDER,
    NOBODY,
    PAGE,
    World,
    ask,
    environment,
    refused,
    site,
    user,
    world,
)

__all__ = ["world"]
pytestmark = needs_deno


def test_a_preflight_is_granted_to_websites_of_keys_alone(world: World):
    site(world)
    wanted = {"access-control-request-headers": "authorization,content-type"}
    answer = ask(world, b"", method="OPTIONS", **wanted)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    assert answer.headers["access-control-allow-methods"] == "POST"
    for origin in ("https://else.example", "null", None):
        answer = ask(world, b"", method="OPTIONS", origin=origin, **wanted)
        assert refused(answer) == (403, "permission_denied", None)
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b" " * 4097, 413, "request_too_large", None),
        (b"", 400, "invalid_request", "site"),
        (b"[]", 400, "invalid_request", None),
        (b"{", 400, "invalid_request", None),
        (b"\xff", 400, "invalid_request", None),
        (b'{"site":1}', 400, "invalid_request", "site"),
        (b'{"site":"x"}', 400, "invalid_request", "site"),
        (b'{"site":"%s","site":"x"}' % NOBODY.encode(), 400, "invalid_request", "site"),
        ({"site": NOBODY, "visitor": "somebody else"}, 400, "invalid_request", None),
        ({"site": NOBODY, "expires_in": 9}, 400, "invalid_request", None),
        *(
            ({"site": NOBODY, "turnstile": proof}, 400, "invalid_request", "turnstile")
            for proof in (1, "", "x" * 2049, "a b", "\n", ["x"], {})
        ),
    ],
    ids=lambda one: ascii(one)[:40],
)
def test_a_body_that_is_wrong_reaches_nobody_and_its_page_may_read_why(
    world: World, body: Any, status: int, code: str, param: str | None
):
    asked, calls = len(world.cloudflare.asked), len(world.project.calls)
    answer = ask(world, body)
    assert refused(answer) == (status, code, param)
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert (len(world.cloudflare.asked), len(world.project.calls)) == (asked, calls)


def test_nothing_else_is_served(world: World):
    for path in ("/", "/visitor-token/x", "/visitor-tokens", "/admin/api-keys"):
        assert refused(ask(world, {}, path=path)) == (404, "not_found", None)
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = ask(world, b"", method=method)
        assert refused(answer) == (405, "method_not_allowed", None)
        assert answer.headers["allow"] == "OPTIONS, POST"
    answer = ask(world, {}, **{"x-filler": "y" * 33_000})
    assert refused(answer) == (431, "headers_too_large", None)


def test_a_database_that_is_away_is_a_503(world: World):
    key = site(world)
    world.project.fault = lambda call: Fault.BUSY_503
    try:
        answer = ask(world, {"site": str(key.id), "turnstile": "x"})
    finally:
        world.project.fault = None
    assert refused(answer) == (503, "server_is_overloaded", None)
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("name", ["TURNSTILE_SECRET", "VISITOR_USERS"])
def test_without_its_setting_a_proof_of_that_kind_counts_for_nothing(world: World, name: str):
    key = site(world)
    settings = environment(world.project, world.cloudflare, **{name: ""})
    with running_function(settings, FOLDER, ENTRY) as function:
        other = world._replace(function=function)
        _, token = user(world.project)
        proof = {"turnstile": world.cloudflare.solve(PAGE)}
        by_proof = ask(other, {"site": str(key.id)} | proof)
        by_user = ask(other, {"site": str(key.id)}, bearer=token)
    good, bad = (by_user, by_proof) if name == "TURNSTILE_SECRET" else (by_proof, by_user)
    assert good.status_code == 201
    assert refused(bad) == (400, "invalid_request", "turnstile")


def test_a_function_that_could_check_nobody_says_so_in_its_log(world: World):
    nothing = {"TURNSTILE_SECRET": "", "VISITOR_USERS": ""}
    settings = environment(world.project, world.cloudflare, **nothing)
    with running_function(settings, FOLDER, ENTRY) as function:
        answer = ask(world._replace(function=function), {})
        assert refused(answer) == (500, "internal_error", None)
        function.wait_for(re.escape("TURNSTILE_SECRET should be set, or VISITOR_USERS"))
