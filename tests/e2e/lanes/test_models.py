"""A key that may use some models, or get short answers, tries what lies beyond on every route."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.admin.fields import SCOPES
from gateway.dialects import all_counters, all_dialects
from tests.support.callers import make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.lane_calls import CALLS, Call, reached, refused, send

__all__ = ["upstream_of_all"]
ALIAS = "mine:1"  # fits the lane by its name, but stands for another model
OUTSIDE = [
    *(MODEL, "fake", " Fake ", "FAKE:Latest", "library/fake", "fake:local", "fake:latest:local"),
    *("registry.ollama.ai/library/fake:latest", "https://registry.ollama.ai/library/fake"),
    *("mine2", "xmine:1", "xmine", "a/mine:1", "hf.co/mine2/x", "not-installed:1", ALIAS),
]
LANE = ["mine:*", "hf.co/mine/*"]
ASKING = [one for one in CALLS if one.method == "POST"]
LISTS = [one for one in CALLS if one.path in {"/v1/models", "/api/tags", "/api/ps"}]
REST = {"/v1/usage", "/api/version"}
CAP = 3
PULLS = {"/v1/models/pull", "/api/pull"}
ESTIMATES = {one.path for one in all_counters()}
DEFAULTED = {"/api/show", *(one.path for one in (*all_dialects(), *all_counters()))}


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    aliases = f"{ALIAS}={MODEL}"
    with served(shared_upstream.url, shared_dsn, MODEL_ALIASES=aliases) as running:
        yield running


def lane(gateway: GatewayProcess, models: list[str]) -> str:
    return make_key(gateway.url, scopes=list(SCOPES), allowed_models=models)


def test_each_route_names_a_model_lists_some_or_has_none() -> None:
    [one_model] = [one for one in CALLS if one.path.startswith("/v1/models/fake")]
    kinds = [*ASKING, *LISTS, one_model]
    assert {one.path for one in CALLS} - {one.path for one in kinds} == REST
    assert all(one.body["model"] == MODEL for one in ASKING)


@pytest.mark.parametrize("call", ASKING, ids=lambda one: one.path)
def test_no_spelling_reaches_a_model_outside_the_lane(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, call: Call
) -> None:
    key = lane(gateway, LANE)
    for model in OUTSIDE:
        answer = send(client, call.with_body(model=model), key)
        if call.path in PULLS and answer.status_code == 400:
            assert "registry" in refused(answer, 400, call.path)  # it takes no host and no blanks
        else:
            assert "may not use the model" in refused(answer, 403, call.path), model
    assert reached(upstream) == set()


@pytest.mark.parametrize("call", ASKING, ids=lambda one: one.path)
def test_a_route_that_takes_a_model_of_its_own_accord_keeps_to_the_lane(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, call: Call
) -> None:
    body = {name: value for name, value in call.body.items() if name != "model"}
    status = 403 if call.path in DEFAULTED else 400  # there the default model is asked
    refused(send(client, call._replace(body=body), lane(gateway, LANE)), status, call.path)
    assert reached(upstream) == set()


@pytest.mark.parametrize("call", ASKING, ids=lambda one: one.path)
def test_a_pattern_opens_the_models_it_fits(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, call: Call
) -> None:
    for models in ([MODEL], ["fa*"], ["another", "*e:latest"], ["f*k*:*"], ["*"]):
        key = lane(gateway, models)
        for model in ("fake", ALIAS):
            answer = send(client, call.with_body(model=model), key)
            assert answer.status_code == 200, f"{models}: {answer.text}"
    assert bool(reached(upstream)) is (call.path not in ESTIMATES)


def test_lists_have_the_models_of_the_lane_and_no_other(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client
) -> None:
    wide, narrow = lane(gateway, ["fa*"]), lane(gateway, LANE)
    for call in LISTS:
        shown, hidden = (send(client, call, key) for key in (wide, narrow))
        assert (shown.status_code, hidden.status_code) == (200, 200)
        assert MODEL in shown.text
        assert MODEL not in hidden.text
        assert ALIAS not in hidden.text
        entries = hidden.json().get("data", hidden.json().get("models"))
        assert entries == []


def test_one_model_outside_the_lane_is_as_unknown_as_what_is_not_there(
    gateway: GatewayProcess, client: httpx.Client
) -> None:
    key = lane(gateway, LANE)
    for model in ("fake", MODEL, ALIAS, "not-installed"):
        path = f"/v1/models/{model}"
        message = refused(client.get(path, headers={"X-API-Key": key}), 404, path)
        assert "not found" in message
    open_key = lane(gateway, ["fa*"])
    answer = client.get(f"/v1/models/{MODEL}", headers={"X-API-Key": open_key})
    assert answer.json()["id"] == MODEL


GENERATING = [one for one in all_dialects() if one.reference.metering and one.scope == "chat"]


def within(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body[name]
    return body


def asking_for(body: dict[str, Any], cap: str, tokens: int) -> dict[str, Any]:
    """The body with one cap, of whatever name."""
    head, _, name = cap.rpartition(".")
    changed = json.loads(json.dumps(body))
    (changed.setdefault(head, {}) if head else changed)[name] = tokens
    return changed


@pytest.mark.parametrize("dialect", GENERATING, ids=lambda one: one.path)
@pytest.mark.parametrize("stream", [False, True])
def test_no_answer_is_granted_more_than_the_key_s_cap(
    upstream: FakeUpstream,
    gateway: GatewayProcess,
    client: httpx.Client,
    dialect: Any,
    stream: bool,
) -> None:
    [call] = [one for one in CALLS if one.path == dialect.path]
    key = make_key(gateway.url, scopes=list(SCOPES), max_output_tokens=CAP)
    metering = dialect.reference.metering
    for cap in metering.caps:
        for wanted, granted in ((8000, CAP), (CAP, CAP), (CAP - 1, CAP - 1)):
            upstream.received.clear()
            body = {**call.body, "stream": stream}
            for other in metering.caps:
                body.pop(other, None)
            answer = send(client, call._replace(body=asking_for(body, cap, wanted)), key)
            assert answer.status_code == 200, answer.text
            assert within(upstream.chats[0].json, metering.sent_as) == granted


@pytest.mark.parametrize("dialect", GENERATING, ids=lambda one: one.path)
def test_who_names_no_cap_has_the_key_s(
    upstream: FakeUpstream, gateway: GatewayProcess, client: httpx.Client, dialect: Any
) -> None:
    [call] = [one for one in CALLS if one.path == dialect.path]
    metering = dialect.reference.metering
    named = {cap.partition(".")[0] for cap in metering.caps}
    body = {name: value for name, value in call.body.items() if name not in named}
    if dialect.path == "/v1/messages":
        return  # it has to be named there
    for cap, granted in ((CAP, CAP), (None, 8192)):
        upstream.received.clear()
        key = make_key(gateway.url, max_output_tokens=cap)
        assert send(client, call._replace(body=body), key).status_code == 200
        assert within(upstream.chats[0].json, metering.sent_as) == granted
