"""A website made for another service works unchanged, and the books know the real model."""

import asyncio
import json
from collections.abc import Iterator

import asyncpg
import pytest

from tests.support.callers import bearer, connect, counted, make_key, make_keys, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import Exchange, FakeUpstream
from tests.support.response_events import (
    OUTPUT_TOKENS,
    PROMPT_TOKENS,
    call,
    events,
    response,
    written,
)

ALIASES = "gpt-4o-mini = fake, claude=remote-alias"


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, shared_dsn, MODEL_ALIASES=ALIASES) as running:
        yield running


def ask(gateway: GatewayProcess, key: str, model: str, text: str = "hi", **more: object):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    with connect(gateway.url) as client:
        return client.post("/v1/chat/completions", json=body, headers=bearer(key))


@pytest.mark.parametrize("model", ["gpt-4o-mini", "GPT-4o-mini:latest", " gpt-4o-mini "])
@pytest.mark.parametrize("stream", [False, True])
def test_the_real_model_is_asked_and_the_alias_is_echoed(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, model: str, stream: bool
):
    answer = ask(gateway, make_key(gateway.url), model, stream=stream)
    assert answer.status_code == 200
    assert [one.json["model"] for one in shared_upstream.chats] == ["fake"]
    texts = [answer.text]
    if stream:
        texts = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
    assert {json.loads(text)["model"] for text in texts} == {model}


def test_a_text_that_names_the_real_model_stays_as_it_is(
    gateway: GatewayProcess, shared_upstream: FakeUpstream
):
    said = '{"model": "fake"} and "model":"fake"'

    async def say(exchange: Exchange) -> None:
        await exchange.whole(exchange.completion(said))

    shared_upstream.behave = say
    answer = ask(gateway, make_key(gateway.url), "gpt-4o-mini").json()
    assert answer["choices"][0]["message"]["content"] == said
    assert answer["model"] == "gpt-4o-mini"


@pytest.mark.parametrize("stream", [False, True])
def test_an_alias_comes_back_with_the_tools_that_the_client_declared(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, stream: bool
):
    """As Codex asks, which knows one of its own models by the alias and declares such tools."""
    calls = [call("functions.exec", '{"input":"\\"model\\": \\"fake\\""}'), call("a.f", at=1)]

    async def act(exchange: Exchange) -> None:
        if not stream:
            await exchange.whole(response(*calls, model="fake"))
            return
        await exchange.head()
        await exchange.send(written(events(*calls, model="fake")))
        await exchange.end()

    shared_upstream.behave = act
    free = {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]}
    plain = {"type": "namespace", "name": "a", "tools": [{"type": "function", "name": "f"}]}
    body = {"model": "gpt-4o-mini", "input": "hi", "tools": [free, plain], "stream": stream}
    key = make_key(gateway.url)
    with connect(gateway.url) as client:
        answer = client.post("/v1/responses", json=body, headers=bearer(key)).text
    last = answer
    if stream:
        lines = [line[6:] for line in answer.splitlines() if line.startswith("data: ")]
        last = json.dumps(json.loads(lines[-1])["response"])
        assert json.loads(lines[0])["response"]["model"] == "gpt-4o-mini"
        assert "function_call_arguments" not in "".join(lines[1:5])
    told = json.loads(last)
    assert told["model"] == "gpt-4o-mini"
    exec_call, plain_call = told["output"]
    assert exec_call["type"] == "custom_tool_call"
    assert (exec_call["namespace"], exec_call["name"]) == ("functions", "exec")
    assert exec_call["input"] == '"model": "fake"'
    assert (plain_call["namespace"], plain_call["name"]) == ("a", "f")
    assert counted(gateway.url, key) == (1, PROMPT_TOKENS, OUTPUT_TOKENS)


def test_the_books_and_the_limits_know_the_real_model(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, shared_dsn: str
):
    made = make_keys(gateway.url, allowed_models=["fake"])
    key = made["key"]
    assert ask(gateway, key, "gpt-4o-mini").status_code == 200
    other = make_key(gateway.url, allowed_models=["another"])
    assert ask(gateway, other, "gpt-4o-mini").status_code == 403
    with connect(gateway.url) as client:
        report = client.get("/v1/usage", headers=bearer(key)).json()
    assert [row["model"] for row in report["by_day"]] == ["fake:latest"]

    async def logged() -> set[str]:
        connection = await asyncpg.connect(shared_dsn)
        log = "select model from gateway.usage_logs where api_key_id = $1"
        rows = await connection.fetch(log, made["id"])
        await connection.close()
        return {row["model"] for row in rows}

    assert asyncio.run(logged()) == {"fake:latest"}


def test_an_alias_opens_no_way_to_the_cloud(gateway: GatewayProcess, shared_upstream: FakeUpstream):
    answer = ask(gateway, make_key(gateway.url), "claude")
    assert answer.status_code == 403
    assert shared_upstream.chats == []


def test_what_is_no_alias_is_as_before(gateway: GatewayProcess, shared_upstream: FakeUpstream):
    answer = ask(gateway, make_key(gateway.url), "FAKE:latest")
    assert answer.status_code == 200
    assert answer.json()["model"] == shared_upstream.chats[0].json["model"]
