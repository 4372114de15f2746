"""The Supabase function `visitor-token`: tokens for visitors of pages that have no server."""

import time
from uuid import uuid4

import pytest

from tests.support.deno import needs_deno
from tests.support.postgrest.stand_in import Fault
from tests.support.sql.ledger import Key, new_hash
from tests.support.visitor_tokens import (
    PAGE,
    World,
    ask,
    authorized,
    refused,
    site,
    token_of,
    user,
    world,
)

__all__ = ["world"]
pytestmark = needs_deno


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


@pytest.mark.parametrize("host", ["nas:http", "nas:99999", "[::1", "%"])
def test_a_host_that_can_be_none_is_refused_and_not_logged(world: World, host: str):
    printed = len(world.function.output)
    body = {"site": str(site(world).id), "turnstile": world.cloudflare.solve(PAGE)}
    assert refused(ask(world, body, host=host)) == (404, "not_found", None)
    assert ask(world, body).status_code == 201
    assert world.function.output[printed:] == ""
