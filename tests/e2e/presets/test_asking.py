"""A preset is a model to callers, on every route: its prompt comes first, its parameters win, and
usage and answers know it by its name."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.callers import admin, bearer, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.presets import (
    FILLED,
    NAME,
    SECRET,
    TEMPLATE,
    VALUES,
    VARIABLES,
    WAYS,
    Told,
    Way,
    make_preset,
    told,
)

__all__ = ["upstream_of_all"]
PARAMETERS: dict[str, Any] = {
    "max_output_tokens": 7,
    "temperature": 0.25,
    "top_k": 5,
    "stop": ["END"],
    "seed": 4,
    "think": False,
    "format": {"type": "object", "properties": {"a": {"type": "string"}}},
}
LOCKED = {"template": TEMPLATE, "variables": VARIABLES, "locked": True}


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, own_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, own_dsn, MODEL_ALIASES=f"gpt-x={NAME}") as running:
        make_preset(running.url)
        make_preset(running.url, "set", parameters=PARAMETERS)
        make_preset(running.url, "locked", **LOCKED)
        make_preset(running.url, "both", template=TEMPLATE, variables=VARIABLES)
        yield running


@pytest.fixture(scope="module")
def key(gateway: GatewayProcess) -> str:
    """It may ask for presets and nothing else."""
    return make_key(gateway.url, allowed_models=["@preset/*"])


def ask(client: httpx.Client, key: str, path: str, **body: Any) -> httpx.Response:
    return client.post(path, json=body, headers=bearer(key))


def by_way(way: Way) -> str:
    return way.path


@pytest.mark.parametrize("way", WAYS, ids=by_way)
def test_its_prompt_comes_first_and_the_answer_has_its_name(
    upstream: FakeUpstream, client: httpx.Client, key: str, way: Way
):
    answer = ask(client, key, way.path, model=NAME, **way.body)
    assert answer.status_code == 200, answer.text
    [chat] = upstream.chats
    assert told(chat) == Told(SECRET, [("user", "Say hello.")])
    assert chat.json["model"] == MODEL
    assert answer.json()["model"] == NAME
    assert MODEL not in answer.text


@pytest.mark.parametrize("way", WAYS, ids=by_way)
def test_a_stream_is_whole_and_has_its_name(
    upstream: FakeUpstream, client: httpx.Client, key: str, way: Way
):
    answer = ask(client, key, way.path, model=NAME, **way.body | {"stream": True})
    assert answer.status_code == 200, answer.text
    assert told(upstream.chats[0]).system == SECRET
    assert NAME in answer.text
    assert MODEL not in answer.text
    assert "error" not in answer.text.replace('"error":null', "")
    last = answer.text.rstrip().splitlines()[-1]
    assert last == "data: [DONE]" or '"done":true' in last or "stop" in last or "completed" in last


def test_a_completion_has_the_form_of_one(client: httpx.Client, key: str):
    whole = ask(client, key, "/v1/completions", model=NAME, prompt=["Say hello."]).json()
    assert (whole["object"], whole["choices"][0]["text"]) == (
        "text_completion",
        "Hello there, friend.",
    )
    assert whole["usage"]["completion_tokens"] == 5
    streamed = ask(client, key, "/v1/completions", model=NAME, prompt="x", stream=True).text
    assert '"text":" friend"' in streamed and '"delta"' not in streamed


def test_usage_is_told_and_charged_under_its_name(gateway: GatewayProcess, client: httpx.Client):
    key = make_key(gateway.url)
    ask(client, key, "/v1/chat/completions", model=NAME, messages=WAYS[0].body["messages"])
    rows = client.get("/v1/usage", headers=bearer(key)).json()["by_day"]
    assert [row["model"] for row in rows] == [NAME]


def test_its_bytes_are_held_before_the_model_is_asked(
    gateway: GatewayProcess, upstream: FakeUpstream, client: httpx.Client
):
    small = make_key(gateway.url, monthly_token_limit=len(SECRET.encode()) + 8)
    messages = [{"role": "user", "content": "x"}]
    refused = ask(client, small, "/v1/chat/completions", model=NAME, messages=messages)
    assert refused.json()["error"]["code"] == "insufficient_quota"
    assert not upstream.chats
    plain = ask(client, small, "/v1/chat/completions", model=MODEL, messages=messages)
    assert plain.status_code == 200


@pytest.mark.parametrize("way", WAYS, ids=by_way)
def test_its_parameters_win_and_its_cap_cuts(
    upstream: FakeUpstream, client: httpx.Client, key: str, way: Way
):
    wishes: dict[str, Any] = {"temperature": 1, "max_tokens": 100}
    if way.path.startswith("/api/"):
        wishes = {"options": {"temperature": 1, "num_predict": 100}}
    answer = ask(client, key, way.path, model="@preset/set", **way.body | wishes)
    assert answer.status_code == 200, answer.text
    sent = upstream.chats[0].json
    options = sent.get("options", sent)
    assert options["temperature"] == 0.25
    caps = ("max_tokens", "max_output_tokens", "num_predict")
    assert [options[name] for name in caps if name in options] == [7]
    if way.path != "/v1/responses":
        assert options.get("stop", sent.get("stop_sequences")) == ["END"]
    if way.path not in {"/v1/responses", "/v1/messages"}:
        assert options["seed"] == 4
    assert "properties" in str(sent)
    fewer = {"max_output_tokens": 3} if way.path == "/v1/responses" else {"max_tokens": 3}
    if way.path.startswith("/api/"):
        fewer = {"options": {"num_predict": 3}}
    ask(client, key, way.path, model="@preset/set", **way.body | fewer)
    sent = upstream.chats[1].json
    assert 3 in [sent.get("options", sent).get(name) for name in caps]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_of_a_locked_one_callers_send_values_only(
    upstream: FakeUpstream, client: httpx.Client, key: str, path: str
):
    prompt = {"id": "@preset/locked", "variables": VALUES}
    others = {"temperature": 2, "user": "me", "top_p": 0.5}
    answer = ask(client, key, path, prompt=prompt, **others)
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "@preset/locked"
    assert "temperature" in answer.headers["x-localllm-ignored"]
    [chat] = upstream.chats
    assert told(chat) == Told(SECRET, [("user", FILLED)])
    assert "temperature" not in chat.json
    field = "input" if path == "/v1/responses" else "messages"
    for more in ({field: [{"role": "user", "content": "x"}]}, {field: "x"}):
        assert ask(client, key, path, prompt=prompt, **more).status_code == 400
    assert ask(client, key, path, model="@preset/locked", **{field: "x"}).status_code == 400
    assert len(upstream.chats) == 1


def test_on_other_routes_a_locked_one_says_where_it_is_asked(
    upstream: FakeUpstream, client: httpx.Client, key: str
):
    for way in WAYS:
        answer = ask(client, key, way.path, model="@preset/locked", **way.body)
        assert answer.status_code == 400, way.path
        assert "/v1/responses" in answer.text
    assert not upstream.chats


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_an_open_one_takes_values_and_messages(
    upstream: FakeUpstream, client: httpx.Client, key: str, path: str
):
    field = "input" if path == "/v1/responses" else "messages"
    messages = [{"role": "user", "content": "And?"}]
    prompt = {"id": "@preset/both", "variables": VALUES}
    assert ask(client, key, path, prompt=prompt, **{field: messages}).status_code == 200
    assert told(upstream.chats[0]).messages == [("user", FILLED), ("user", "And?")]
    assert ask(client, key, path, model="@preset/both", **{field: messages}).status_code == 200
    assert told(upstream.chats[1]).messages == [("user", "And?")]


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"product": "x" * 81}, "product"),
        ({"product": None}, "product"),
        ({"product": ["x"]}, "product"),
        ({"count": 10}, "count"),
        ({"count": 1.5}, "count"),
        ({"count": "many"}, "count"),
        ({"count": True}, "count"),
        ({"tone": "green"}, "tone"),
        ({"other": "x"}, "other"),
    ],
)
def test_a_wrong_value_is_named(
    upstream: FakeUpstream, client: httpx.Client, key: str, values: Any, param: str
):
    prompt = {"id": "@preset/locked", "variables": VALUES | values}
    answer = ask(client, key, "/v1/responses", prompt=prompt)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == f"prompt.variables.{param}"
    assert f"'{param}'" in answer.json()["error"]["message"]
    missing = {name: one for name, one in VALUES.items() if name != param}
    if param in VALUES:
        prompt = {"id": "@preset/locked", "variables": missing}
        answer = ask(client, key, "/v1/chat/completions", prompt=prompt)
        assert "missing" in answer.json()["error"]["message"]
    assert not upstream.chats


def test_a_number_may_be_written_as_a_text_and_a_text_as_openai_does(
    upstream: FakeUpstream, client: httpx.Client, key: str
):
    product = {"type": "input_text", "text": "a mug"}
    prompt = {
        "id": "@preset/locked",
        "version": "1",
        "variables": VALUES | {"count": "3", "product": product},
    }
    assert ask(client, key, "/v1/responses", prompt=prompt).status_code == 200
    assert told(upstream.chats[0]).messages == [("user", FILLED)]
    prompt["version"] = "2"
    answer = ask(client, key, "/v1/responses", prompt=prompt)
    assert answer.json()["error"]["param"] == "prompt.version"


@pytest.mark.parametrize("way", WAYS, ids=by_way)
def test_one_that_is_not_there_is_an_unknown_model(
    upstream: FakeUpstream, client: httpx.Client, key: str, way: Way
):
    for name in ("@preset/none", "@preset/", "@preset/faq/x"):
        answer = ask(client, key, way.path, model=name, **way.body)
        assert answer.status_code == 404, name
        assert f"model '{name}' not found" in answer.text
    assert not upstream.chats


@pytest.mark.parametrize("way", WAYS, ids=by_way)
def test_a_key_without_it_learns_nothing_of_it(
    gateway: GatewayProcess, upstream: FakeUpstream, client: httpx.Client, way: Way
):
    other = make_key(gateway.url, allowed_models=[MODEL, "@preset/other"])
    for name in (NAME, "@preset/locked", "@preset/none"):
        answer = ask(client, other, way.path, model=name, **way.body)
        assert answer.status_code == 403, answer.text
        assert f"may not use the model '{name}'" in answer.text
    stranger = ask(client, "llm_" + "0" * 40, way.path, model="@preset/locked", **way.body)
    assert stranger.status_code == 401
    assert not upstream.chats


def test_an_alias_may_stand_for_one(upstream: FakeUpstream, client: httpx.Client, key: str):
    answer = ask(client, key, "/v1/chat/completions", model="gpt-x", **WAYS[0].body)
    assert answer.json()["model"] == "gpt-x"
    assert told(upstream.chats[0]).system == SECRET
    assert ask(client, key, "/v1/embeddings", model="gpt-x", input="x").status_code == 400


def test_a_change_holds_from_the_next_request_on(
    gateway: GatewayProcess, upstream: FakeUpstream, client: httpx.Client, key: str
):
    make_preset(gateway.url, "changing")
    body = {"model": "@preset/changing", **WAYS[0].body}
    assert ask(client, key, "/v1/chat/completions", **body).status_code == 200
    admin(gateway.url, "PATCH", "/presets/changing", {"system": "another"})
    assert ask(client, key, "/v1/chat/completions", **body).status_code == 200
    assert [told(one).system for one in upstream.chats] == [SECRET, "another"]
    admin(gateway.url, "DELETE", "/presets/changing")
    assert ask(client, key, "/v1/chat/completions", **body).status_code == 404


def test_count_tokens_counts_its_prompt_too(client: httpx.Client, gateway: GatewayProcess):
    key = make_key(gateway.url)

    def counted(model: str) -> int:
        body = {"model": model, "messages": WAYS[0].body["messages"]}
        return ask(client, key, "/v1/messages/count_tokens", **body).json()["input_tokens"]

    assert counted(NAME) > counted(MODEL) + 10
