"""The unmodified `openai` package asks for presets: the form is its own."""

from collections.abc import Iterator

import pytest
from openai import BadRequestError, OpenAI

from tests.support.callers import make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import WORDS, FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.presets import FILLED, NAME, SECRET, TEMPLATE, VARIABLES, Told, make_preset, told

__all__ = ["upstream_of_all"]


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, own_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, own_dsn) as running:
        make_preset(running.url)
        locked = {"template": TEMPLATE, "variables": VARIABLES, "locked": True}
        make_preset(running.url, "locked", **locked)
        yield running


@pytest.fixture
def openai(gateway: GatewayProcess) -> Iterator[OpenAI]:
    key = make_key(gateway.url, allowed_models=["@preset/*"])
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as made:
        yield made


def test_responses_takes_its_own_prompts(upstream: FakeUpstream, openai: OpenAI) -> None:
    values = {"product": "a mug", "count": "3", "tone": "red"}
    answer = openai.responses.create(prompt={"id": "@preset/locked", "variables": {**values}})
    assert answer.output_text == "Hello!"
    assert (answer.model, answer.instructions) == ("@preset/locked", None)
    assert told(upstream.chats[0]) == Told(SECRET, [("user", FILLED)])
    events = openai.responses.create(
        prompt={"id": "@preset/locked", "variables": {**values}}, stream=True
    )
    texts = [one.delta for one in events if one.type == "response.output_text.delta"]
    assert "".join(texts) == "Hello!"
    with pytest.raises(BadRequestError, match="'tone'"):
        openai.responses.create(prompt={"id": "@preset/locked", "variables": {"tone": "x"}})


def test_chat_and_completions_stream(upstream: FakeUpstream, openai: OpenAI) -> None:
    chat = openai.chat.completions.create(
        model=NAME, messages=[{"role": "user", "content": "x"}], stream=True
    )
    assert "".join(one.choices[0].delta.content or "" for one in chat) == "".join(WORDS)
    texts = openai.completions.create(
        model=NAME, prompt="x", stream=True, stream_options={"include_usage": True}
    )
    pieces = list(texts)
    assert "".join(one.choices[0].text for one in pieces if one.choices) == "".join(WORDS)
    assert pieces[-1].usage is not None
    assert {told(one).system for one in upstream.chats} == {SECRET}
    assert {one.model for one in pieces} == {NAME}
