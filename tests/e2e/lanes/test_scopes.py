"""A key of each lane tries every route and field outside it: nothing of it reaches the model."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.admin.fields import SCOPES
from gateway.app import make_app
from gateway.dialects import all_dialects
from gateway.dialects.ollama.privileges import KEPT_BACK
from gateway.dialects.ollama.privileges import SCOPE as NATIVE
from gateway.reference.table import ROUTES
from tests.support.bare_gateway import bare_gateway
from tests.support.callers import make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.lane_calls import (
    CALLS,
    OWNER_CALLS,
    PUBLIC_CALLS,
    SITE_CALLS,
    Call,
    reached,
    refused,
    send,
    unclassified,
)
from tests.support.requests.ollama import NATIVE_FIELDS
from tests.support.requests.privileges import FIELD, ONLY_THERE
from tests.support.served_routes import served_routes

__all__ = ["upstream_of_all"]
LANES = [
    *([one] for one in SCOPES),
    *([one for one in SCOPES if one != left_out] for left_out in SCOPES),
    list(SCOPES),
]
MODEL_CALLS = {one.path: one for one in CALLS if one.path in {d.path for d in all_dialects()}}
NATIVE_CALLS = [MODEL_CALLS[dialect.path] for dialect in all_dialects() if dialect.native]
# What Ollama takes for nothing to read.
NOTHING = {"/api/chat": ([], None), "/api/embed": ([], "", None)}
OTHER_CALLS = [MODEL_CALLS[dialect.path] for dialect in all_dialects() if not dialect.native]


def test_every_route_that_is_served_is_tried_and_says_what_a_key_needs(tmp_path: Path) -> None:
    with bare_gateway(tmp_path) as gateway:
        served = served_routes(make_app(gateway).app)
    assert served == {(route.method, route.path) for route in ROUTES}
    assert len(CALLS + OWNER_CALLS + PUBLIC_CALLS + SITE_CALLS) == len(served)
    assert unclassified() == []
    assert {one.scope for one in CALLS} == {*SCOPES, ""} - {NATIVE}


@pytest.mark.parametrize("scopes", LANES, ids=" ".join)
def test_a_key_may_use_the_routes_of_its_scopes_and_no_other(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, scopes: list[str]
) -> None:
    key = make_key(gateway.url, scopes=scopes)
    for call in CALLS:
        upstream.received.clear()
        answer = send(client, call, key)
        if call.scope in {*scopes, ""}:
            assert answer.status_code == 200, f"{call.name}: {answer.text}"
        else:
            assert "may not use this route" in refused(answer, 403, call.path)
            assert reached(upstream) == set(), call.name


def test_no_scope_opens_the_owner_s_routes(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client
) -> None:
    key = make_key(gateway.url, scopes=list(SCOPES))
    for call in OWNER_CALLS:
        assert "X-Admin-Secret" in refused(send(client, call, key), 401, call.path)
    assert reached(upstream) == set()


def test_without_a_key_only_the_public_routes_answer(
    upstream: FakeUpstream, client: httpx.Client
) -> None:
    for call in CALLS:
        assert refused(send(client, call, None), 401, call.path)
    assert reached(upstream) == set()
    for call in PUBLIC_CALLS:
        assert send(client, call, None).status_code == 200, call.name


def kept_back(call: Call) -> list[tuple[str, dict[str, Any]]]:
    """What of Ollama's fields needs its scope on this route, and a field that says it."""
    empty = FIELD.get(call.path, "prompt")
    loads = [(empty, {empty: nothing}) for nothing in NOTHING.get(call.path, ("", None))]
    fields = [
        (name, field)
        for name, field in NATIVE_FIELDS
        if call.path in ONLY_THERE.get(name, {call.path})
    ]
    return fields + loads


def is_needed(name: str) -> bool:
    """Whether the answer would be another without that field."""
    return name in KEPT_BACK and KEPT_BACK[name].needed


@pytest.mark.parametrize("call", NATIVE_CALLS, ids=lambda one: one.path)
def test_what_needs_the_native_scope_is_refused_where_the_answer_would_be_another_without_it(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, call: Call
) -> None:
    key = make_key(gateway.url, scopes=[one for one in SCOPES if one != NATIVE])
    other = make_key(gateway.url, scopes=[one for one in SCOPES if one != call.scope])
    for name, field in kept_back(call):
        for shown in (key, other) if is_needed(name) else (other,):
            message = refused(send(client, call.with_body(**field), shown), 403, call.path)
            assert message.startswith(f"'{name}' "), field
            assert f"{call.scope} and {NATIVE}" in message
    assert reached(upstream) == set()


@pytest.mark.parametrize("call", NATIVE_CALLS, ids=lambda one: one.path)
def test_what_changes_the_machine_is_left_out_for_a_key_without_the_native_scope(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, call: Call
) -> None:
    key = make_key(gateway.url, scopes=[one for one in SCOPES if one != NATIVE])
    empty = FIELD.get(call.path, "prompt")
    for name, field in kept_back(call):
        if is_needed(name):
            continue
        upstream.received.clear()
        answer = send(client, call.with_body(**field), key)
        assert answer.status_code == 200, f"{name}: {answer.text}"
        if name == empty:
            assert reached(upstream) == set(), field
            assert answer.json().get("done_reason", "load") == "load"
            continue
        assert answer.headers["x-localllm-ignored"] == name
        [sent] = [one.json for one in upstream.chats]
        assert not set(field) & set(sent) - {"options"}
        assert name.removeprefix("options.") not in sent.get("options", {})


@pytest.mark.parametrize("call", NATIVE_CALLS, ids=lambda one: one.path)
def test_a_key_with_the_native_scope_may_say_each_of_them(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, call: Call
) -> None:
    key = make_key(gateway.url, scopes=[call.scope, NATIVE])
    for name, field in kept_back(call):
        upstream.received.clear()
        answer = send(client, call.with_body(**field), key)
        assert answer.status_code == 200, f"{name}: {answer.text}"
        assert reached(upstream) == {call.path}, field


def names_in(value: Any) -> set[str]:
    """Every key of every object in it."""
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("call", OTHER_CALLS, ids=lambda one: one.path)
def test_on_other_routes_no_scope_lets_a_native_field_through(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, call: Call
) -> None:
    key = make_key(gateway.url, scopes=list(SCOPES))
    for name, field in NATIVE_FIELDS:
        upstream.received.clear()
        answer = send(client, call.with_body(**field), key)
        assert answer.status_code in {200, 400}, f"{name}: {answer.text}"
        sent = set[str]().union(*(names_in(one.json) for one in upstream.chats))
        assert not sent & {"options", *field, *field.get("options", {})}, name
