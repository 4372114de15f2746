"""Servers other than Ollama are asked for a model as they list it; errors say what is meant."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.support.callers import bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, FakeUpstream, fake_upstream

LISTED = "Qwen/Qwen2.5-7B-Instruct"
PATH = "./models/7B/ggml-model.gguf"
AT = "qwen@4bit"
# Ids that no Ollama could have. Those of PLAIN are also clear as part of an address.
PLAIN = ["org/a/b/c", AT, "a?b#c%2F"]
ODD = [*PLAIN, PATH, "/home/joe/models/X.gguf", "C:\\Llama 3.gguf"]
ALIASES = f"small={LISTED},gpt-4o={MODEL},odd={AT.upper()}"


@pytest.fixture(scope="module")
def foreign() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        running.foreign = [{"id": LISTED, "max_model_len": 4096}, *({"id": one} for one in ODD)]
        yield running


@pytest.fixture(scope="module")
def beside_foreign(foreign: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    with served(
        foreign.url, shared_dsn, MODEL_ALIASES=ALIASES, OLLAMA_DEFAULT_MODEL=PATH
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def forgotten(foreign: FakeUpstream) -> None:
    foreign.reset()


def ask(gateway: GatewayProcess, model: str, content: str = "Hi", **fields: Any) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": content}]}
    headers = bearer(make_key(gateway.url, **fields))
    with connect(gateway.url) as client:
        return client.post("/v1/chat/completions", json=body, headers=headers)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (LISTED, LISTED),
        (LISTED.lower(), LISTED),
        (f"{LISTED}:latest", LISTED),
        (PATH, PATH),
        ("small", LISTED),
        ("odd", AT),
        ("", PATH),
    ],
)
def test_the_listed_id_is_what_is_sent(
    beside_foreign: GatewayProcess, foreign: FakeUpstream, asked: str, sent: str
) -> None:
    answer = ask(beside_foreign, asked)
    assert answer.status_code == 200, answer.text
    assert foreign.chats[0].json["model"] == sent


def test_a_key_is_held_to_its_models_there_too(
    beside_foreign: GatewayProcess, foreign: FakeUpstream
) -> None:
    assert ask(beside_foreign, LISTED, allowed_models=["qwen/*"]).status_code == 200
    assert ask(beside_foreign, PATH, allowed_models=["qwen/*"]).status_code == 403
    assert len(foreign.chats) == 1


def test_each_listed_id_is_listed_with_its_aliases_and_found_by_itself(
    beside_foreign: GatewayProcess,
) -> None:
    headers = bearer(make_key(beside_foreign.url))
    with connect(beside_foreign.url) as client:
        listed = client.get("/v1/models", headers=headers).json()["data"]
        assert [one["id"] for one in listed] == [LISTED, *ODD, "small", "odd"]
        for name in [*PLAIN, AT.upper(), "odd"]:
            for path in {quote(name, safe=""), quote(name)}:
                answer = client.get(f"/v1/models/{path}", headers=headers)
                assert answer.status_code == 200, (path, answer.text)
                assert answer.json()["id"].lower() == name.lower()


def test_an_entry_without_a_name_is_left_out_of_the_list(shared_dsn: str) -> None:
    with fake_upstream() as nameless:
        nameless.foreign = [{"id": 5}, {"id": None}, {}, {"id": LISTED}]
        with served(nameless.url, shared_dsn, MODEL_ALIASES=ALIASES) as running:
            headers = bearer(make_key(running.url))
            with connect(running.url) as client:
                answer = client.get("/v1/models", headers=headers)
    assert answer.status_code == 200, answer.text
    assert [one["id"] for one in answer.json()["data"]] == [LISTED, "small"]


@pytest.mark.parametrize("name", ["./models/other.gguf", "C:\\x.gguf", "a b"])
def test_a_name_that_only_such_a_server_can_have_is_sent_nowhere_unless_it_is_listed(
    beside_foreign: GatewayProcess, foreign: FakeUpstream, gateway: GatewayProcess, name: str
) -> None:
    for one in (beside_foreign, gateway):
        assert ask(one, name).status_code == 404
    assert foreign.chats == []


def test_its_max_model_len_is_the_context(
    beside_foreign: GatewayProcess, foreign: FakeUpstream
) -> None:
    answer = ask(beside_foreign, LISTED, "word " * 5000)
    assert answer.json()["error"]["code"] == "context_length_exceeded"
    assert foreign.chats == []


@pytest.fixture(scope="module")
def aliased(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, shared_dsn, MODEL_ALIASES=ALIASES) as running:
        yield running


@pytest.mark.parametrize(("status", "told"), [(404, 404), (400, 400), (501, 501), (500, 500)])
def test_an_error_of_the_model_server_names_the_alias_and_keeps_its_status(
    aliased: GatewayProcess, shared_upstream: FakeUpstream, status: int, told: int
) -> None:
    words = f"model '{MODEL}' does not support tools"
    shared_upstream.behave = lambda exchange: exchange.whole({"error": words}, status)
    answer = ask(aliased, "gpt-4o")
    assert answer.status_code == told
    assert answer.json()["error"]["message"] == "model 'gpt-4o' does not support tools"
