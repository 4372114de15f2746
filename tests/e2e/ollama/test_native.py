"""A key with the scope `ollama:native` may do what changes Ollama for everybody, and is counted."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from ollama import Client, ResponseError

from tests.support.callers import bearer, connect, counted, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_ollama import shown
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, FakeUpstream

SCOPES = ["chat", "embeddings", "models:read", "ollama:native"]
CONTEXT = 4096  # of the fake model
ONE_CALL = (1, PROMPT_TOKENS, len(WORDS))


@pytest.fixture
def native(gateway: GatewayProcess) -> str:
    return make_key(gateway.url, scopes=SCOPES)


@pytest.fixture
def client(gateway: GatewayProcess, native: str) -> Iterator[Client]:
    with Client(host=gateway.url, headers=bearer(native)) as made:
        yield made


@pytest.fixture
def caller(gateway: GatewayProcess) -> Iterator[httpx.Client]:
    with connect(gateway.url) as made:
        yield made


@pytest.mark.parametrize("keep_alive", ["24h", 0, -1, 0.5])
@pytest.mark.parametrize("streaming", [False, True])
def test_the_client_loads_and_drops_a_model_and_pays_nothing(
    upstream: FakeUpstream,
    gateway: GatewayProcess,
    client: Client,
    native: str,
    keep_alive: Any,
    streaming: bool,
) -> None:
    wanted: Any = {"keep_alive": keep_alive, "stream": streaming}
    for answer in (client.generate(MODEL, **wanted), client.chat(MODEL, **wanted)):
        [told] = list(answer) if streaming else [answer]  # type: ignore[arg-type]
        assert told.done_reason == ("unload" if keep_alive == 0 else "load")
    for embedded in (client.embed(MODEL, "", keep_alive=keep_alive), client.embed(MODEL, [])):
        assert embedded.embeddings == []
    assert client.embeddings(MODEL, "").embedding == []
    assert counted(gateway.url, native) == (5, 0, 0)
    assert [one.json.get("keep_alive") for one in upstream.chats[:3]] == [keep_alive] * 3


def test_the_client_may_say_how_a_model_is_loaded_and_go_round_its_template(
    upstream: FakeUpstream, gateway: GatewayProcess, client: Client, native: str
) -> None:
    options = {"num_ctx": 512, "num_gpu": 0, "num_thread": 2, "num_predict": 9}
    for wanted in (
        {"options": options, "keep_alive": "5m"},
        {"raw": True},
        {"template": "{{ .Prompt }}", "context": [1, 2]},
    ):
        answer = client.generate(MODEL, "Say hello.", **wanted)  # type: ignore[call-overload]
        assert answer.response == "".join(WORDS)
        sent = upstream.chats[-1].json
        assert sent.items() >= {**wanted, "options": sent["options"]}.items()
    assert upstream.chats[0].json["options"] == options
    assert counted(gateway.url, native) == tuple(3 * count for count in ONE_CALL)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_rendered_prompt_comes_whole_and_costs_nothing(
    gateway: GatewayProcess, caller: httpx.Client, native: str, streaming: bool
) -> None:
    body = {"model": MODEL, "prompt": "hi", "_debug_render_only": True, "stream": streaming}
    answer = caller.post("/api/generate", headers=bearer(native), json=body)
    assert answer.json()["_debug_info"] == {"rendered_template": "<user>SECRET"}
    assert answer.headers["content-type"] == "application/json"
    assert counted(gateway.url, native) == (1, 0, 0)


def test_a_model_is_shown_whole_to_a_key_with_the_scope_and_to_no_other(
    gateway: GatewayProcess, caller: httpx.Client, client: Client, native: str, key: str
) -> None:
    told = caller.post("/api/show", headers=bearer(native), json={"model": MODEL})
    assert told.json() == shown()
    assert "FROM " in (client.show(MODEL).modelfile or "")
    other = caller.post("/api/show", headers=bearer(key), json={"model": MODEL})
    assert "SECRET" not in other.text
    pulling = make_key(gateway.url, scopes=["models:read", "models:pull"])
    answer = caller.post("/api/show", headers=bearer(pulling), json={"model": MODEL})
    assert "SECRET" not in answer.text
    unread = make_key(gateway.url, scopes=["chat", "ollama:native"])
    refused = caller.post("/api/show", headers=bearer(unread), json={"model": MODEL})
    assert (refused.status_code, list(refused.json())) == (403, ["error"])


def test_a_new_key_has_not_the_scope_and_is_told_what_needs_it(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    with Client(host=gateway.url, headers=bearer(key)) as plain:
        with pytest.raises(ResponseError) as caught:
            plain.generate(MODEL, "hi", raw=True)
        assert caught.value.status_code == 403
        assert "'raw'" in caught.value.error
        assert "chat and ollama:native" in caught.value.error
    assert upstream.chats == []
    assert counted(gateway.url, key) == (0, 0, 0)


def test_clients_that_always_say_how_long_and_how_large_work_with_a_new_key(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    with Client(host=gateway.url, headers=bearer(key)) as plain:
        options = {"num_ctx": 8192.0, "temperature": 0.1}
        assert plain.generate(MODEL, "hi", keep_alive="24h", options=options).response
    [chat] = upstream.chats
    assert "keep_alive" not in chat.json
    assert set(chat.json["options"]) == {"temperature", "num_predict"}


def test_a_key_without_the_scope_may_load_and_nothing_is_loaded_or_charged(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str
) -> None:
    with Client(host=gateway.url, headers=bearer(key)) as plain:
        assert plain.generate(MODEL).done_reason == "load"
        assert plain.chat(MODEL, []).done_reason == "load"
        assert plain.embed(MODEL, "").embeddings == []
        with pytest.raises(ResponseError) as caught:
            plain.generate("not-installed:1b")
        assert caught.value.status_code == 404
    assert upstream.chats == []
    assert counted(gateway.url, key)[1:] == (0, 0)


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({}, 42),
        ({"raw": True}, 42),
        ({"options": {"num_ctx": 99_999}}, 42),
        ({"prompt": "x" * 9000}, CONTEXT),  # it is cut to the context
        ({"prompt": "x" * 9000, "options": {"num_ctx": 512}}, CONTEXT),
        ({"prompt": "x" * 9000, "options": {"num_ctx": 99_999}}, 9032),  # it is not
        ({"template": "x"}, CONTEXT),
        ({"context": [1]}, CONTEXT),
        ({"template": "x", "options": {"num_ctx": 99_999}}, 99_999),
    ],
)
def test_the_most_that_the_model_can_read_is_held(
    gateway: GatewayProcess, caller: httpx.Client, fields: dict[str, Any], needed: int
) -> None:
    """A month that leaves one token less than the prompt's bound and one of output is too short."""
    body = {"model": MODEL, "prompt": "Say hello.", "stream": False, **fields}
    for left, status in ((needed, 429), (needed + 1, 200)):
        key = make_key(gateway.url, scopes=SCOPES, monthly_token_limit=left)
        answer = caller.post("/api/generate", headers=bearer(key), json=body)
        assert answer.status_code == status, answer.text


def test_the_answer_to_a_load_that_generates_all_the_same_is_capped(
    upstream: FakeUpstream, caller: httpx.Client, native: str
) -> None:
    caller.post("/api/generate", headers=bearer(native), json={"model": MODEL})
    sent = json.loads(upstream.chats[0].body)
    assert sent == {"model": MODEL, "stream": False, "options": {"num_predict": 1}}
