"""The Supabase function `visitor-token`: tokens for visitors of pages that have no server."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from gateway.core.keys import hash_key
from tests.support.admin.calls import error
from tests.support.deno import FUNCTIONS, Function, needs_deno, running_function
from tests.support.failing_parts import fresh_database
from tests.support.postgres import Server
from tests.support.postgrest.stand_in import Fault, StandIn, stand_in
from tests.support.siteverify import SECRET, Siteverify, siteverify
from tests.support.sql.ledger import Key, new_hash, open_ledger

pytestmark = needs_deno

PAGE = "https://shop.example"
FOLDER = FUNCTIONS / "visitor-token"
ENTRY = Path(__file__).parents[1] / "support/visitor_token.ts"
NOBODY = "00000000-0000-4000-8000-000000000000"
HOME = iter(f"198.51.100.{number}" for number in range(1, 250))


class World(NamedTuple):
    project: StandIn
    cloudflare: Siteverify
    function: Function
    dsn: str


def environment(project: StandIn, cloudflare: Siteverify, **more: str) -> dict[str, str]:
    return {
        "SUPABASE_URL": project.url,
        "SUPABASE_SECRET_KEYS": json.dumps({"default": project.secret_key}),
        "TURNSTILE_SECRET": SECRET,
        "VISITOR_USERS": "true",
        "SITEVERIFY_STAND_IN": cloudflare.url,
    } | more


@pytest.fixture(scope="module")
def world(postgres: Server) -> Iterator[World]:
    with (
        fresh_database(postgres) as dsn,
        stand_in(dsn) as project,
        siteverify() as cloudflare,
        running_function(environment(project, cloudflare), FOLDER, ENTRY) as function,
    ):
        yield World(project, cloudflare, function, dsn)


def site(world: World, **wishes: Any) -> Key:
    """A key whose website may ask for tokens."""

    async def made() -> Key:
        ledger = await open_ledger(world.dsn)
        try:
            by_token = {"by": ["token"], "tokens_per_day": 1000}
            return await ledger.key(**{"origins": [PAGE], "visitors": by_token} | wishes)
        finally:
            await ledger.connection.close()

    return asyncio.run(made())


def user(project: StandIn, **known: Any) -> tuple[str, str]:
    """The id and the token of a user who has logged in."""
    id = str(uuid4())
    project.users[id] = known
    return id, token_of(project, sub=id)


def token_of(project: StandIn, **claims: Any) -> str:
    now = int(time.time())
    return project.sign(**{"role": "authenticated", "iat": now, "exp": now + 3600} | claims)


def ask(
    world: World,
    body: Any,
    *,
    origin: str | None = PAGE,
    bearer: str | None = None,
    address: str | None = None,
    method: str = "POST",
    path: str = "/visitor-token",
    **headers: str,
) -> httpx.Response:
    """As the page of a visitor; each calls from an address of its own, unless one is named."""
    shown = {"x-forwarded-for": address or next(HOME)} | headers
    shown |= {"origin": origin} if origin else {}
    shown |= {"authorization": f"Bearer {bearer}"} if bearer else {}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with httpx.Client(trust_env=False, timeout=60) as client:
        url = world.function.url + path
        return client.request(method, url, content=content, headers=shown)


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    told = error(answer)
    return answer.status_code, told["code"], told["param"]


def authorized(world: World, token: str, origin: str | None) -> str | None:
    """What the database says to a call with it."""

    async def asked() -> str | None:
        ledger = await open_ledger(world.dsn)
        try:
            now = await ledger.value("select now()")
            return (await ledger.authorize(hash_key(token), now, origin=origin)).reason
        finally:
            await ledger.connection.close()

    return asyncio.run(asked())


def test_who_has_solved_turnstile_gets_a_token_for_this_website(world: World):
    key = site(world)
    proof = world.cloudflare.solve(PAGE)
    answer = ask(world, {"site": str(key.id), "turnstile": proof}, address="192.0.2.1")
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"token", "expires_at", "visitor"}
    assert made["token"].startswith("llm-visitor_") and "192.0.2" not in answer.text
    assert world.cloudflare.asked[-1]["remoteip"] == "192.0.2.1"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert authorized(world, made["token"], PAGE) is None
    assert authorized(world, made["token"], "https://else.example") == "origin_not_allowed"
    proof = world.cloudflare.solve(PAGE)
    again = ask(world, {"site": str(key.id), "turnstile": proof}, address="192.0.2.1").json()
    assert again["visitor"] == made["visitor"] and again["token"] != made["token"]
    assert made["token"] not in str([call.arguments for call in world.project.calls])
    assert made["token"] not in world.function.output


def test_a_proof_counts_once_and_only_from_a_page_of_this_website(world: World):
    key = site(world)
    proof = world.cloudflare.solve(PAGE)
    assert ask(world, {"site": str(key.id), "turnstile": proof}).status_code == 201
    elsewhere = world.cloudflare.solve("https://shop.example.evil.example")
    for wrong in (proof, "0.invented", elsewhere):
        answer = ask(world, {"site": str(key.id), "turnstile": wrong})
        assert refused(answer) == (400, "invalid_request", "turnstile")
        assert answer.headers["access-control-allow-origin"] == PAGE


def test_a_lost_answer_of_cloudflare_does_not_use_the_proof_up(world: World):
    key = site(world)
    world.cloudflare.breaks = 1
    proof = world.cloudflare.solve(PAGE)
    assert ask(world, {"site": str(key.id), "turnstile": proof}).status_code == 201


def test_while_cloudflare_is_away_nobody_gets_a_token(world: World):
    key = site(world)
    proof = world.cloudflare.solve(PAGE)
    world.cloudflare.stop()
    try:
        answer = ask(world, {"site": str(key.id), "turnstile": proof})
    finally:
        world.cloudflare.start()
    assert refused(answer) == (503, "server_is_overloaded", None)
    assert answer.headers["retry-after"] == "5"
    assert ask(world, {"site": str(key.id), "turnstile": proof}).status_code == 201


def test_a_user_of_the_project_gets_a_token_under_their_own_id(world: World):
    key = site(world)
    id, token = user(world.project)
    answer = ask(world, {"site": str(key.id)}, bearer=token)
    assert answer.status_code == 201 and answer.json()["visitor"] == id
    assert authorized(world, answer.json()["token"], PAGE) is None
    assert token not in world.function.output


def test_whoever_is_no_user_gets_no_token(world: World):
    key = site(world)
    project = world.project
    id, token = user(project)
    head, claims, signature = token.split(".")
    wrong = [
        None,
        "x",
        *(project.anon_jwt, project.service_jwt, project.secret_key, project.publishable_key),
        token_of(project),  # nobody's
        token_of(project, sub=str(uuid4())),  # a user who is gone
        token_of(project, sub=id, exp=int(time.time()) - 3600),
        token_of(project, sub=id, role="service_role"),
        *(f"{head}.{claims}.{signature[::-1]}", f"{head}.{claims}.", f"{head}.{claims}"),
        key.hash,
    ]
    for shown in wrong:
        answer = ask(world, {"site": str(key.id)}, bearer=shown)
        assert refused(answer) == (401, "invalid_visitor_token", None), shown
    _, anonymous = user(project, is_anonymous=True)
    answer = ask(world, {"site": str(key.id)}, bearer=anonymous)
    assert refused(answer) == (403, "permission_denied", None)


@pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.REFUSE, Fault.HTML_200, Fault.CUT_BODY])
def test_while_the_log_in_is_away_nobody_gets_a_token(world: World, fault: Fault):
    key = site(world)
    _, token = user(world.project)
    world.project.fault = lambda call: fault if call.function == "/auth/v1/user" else None
    try:
        answer = ask(world, {"site": str(key.id)}, bearer=token)
    finally:
        world.project.fault = None
    assert refused(answer) == (503, "server_is_overloaded", None)


def test_a_page_of_another_website_gets_nothing_and_may_read_nothing(world: World):
    key = site(world)
    elsewhere = [
        (site(world, origins=None), PAGE),
        *((key, origin) for origin in ("https://else.example", "http://shop.example", "null")),
        (Key(uuid4(), new_hash()), PAGE),
        (key, None),
    ]
    asked = len(world.cloudflare.asked)
    for one, origin in elsewhere:
        proof = world.cloudflare.solve(PAGE)
        answer = ask(world, {"site": str(one.id), "turnstile": proof}, origin=origin)
        assert refused(answer) == (403, "permission_denied", None)
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["vary"] == "Origin"
    assert len(world.cloudflare.asked) == asked


def test_a_key_without_visitors_by_token_says_so_to_its_website(world: World):
    key = site(world, visitors={"by": ["address"]})
    answer = ask(world, {"site": str(key.id), "turnstile": "x"})
    assert refused(answer) == (403, "permission_denied", None)
    assert answer.headers["access-control-allow-origin"] == PAGE


def test_an_address_is_held_up_after_ten_attempts_whatever_it_shows(world: World):
    key = site(world)
    body = {"site": str(key.id), "turnstile": "0.invented"}
    for _ in range(10):
        assert ask(world, body, address="192.0.2.99").status_code == 400
    asked = len(world.cloudflare.asked)
    body["turnstile"] = world.cloudflare.solve(PAGE)
    answer = ask(world, body, address="192.0.2.99")
    assert refused(answer) == (429, "visitor_rate_limit_exceeded", None)
    assert 0 < int(answer.headers["retry-after"]) <= 61
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert len(world.cloudflare.asked) == asked
    assert ask(world, body, address="192.0.2.98").status_code == 201


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
