"""The demo model through the gateway on OpenAI's routes beside chat: real tokens, each counted."""

from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI

from tests.e2e.callers import counted
from tests.e2e.gateway_process import fresh_directory
from tests.e2e.test_openai_client import up

pytestmark = pytest.mark.demo
MODEL = "gemma3:270m"
Demo = tuple[OpenAI, str, str]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """A client of `localllm up` where no Ollama answers, its address and its key."""
    with (
        fresh_directory() as home,
        up(home) as (url, key),
        OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client,
    ):
        yield client, url, key


def added(url: str, key: str, before: tuple[int, int, int]) -> tuple[int, ...]:
    """What has been counted since."""
    return tuple(now - then for now, then in zip(counted(url, key), before, strict=True))


def test_a_text_is_gone_on_with_and_each_token_is_counted(demo: Demo) -> None:
    client, url, key = demo
    before = counted(url, key)
    whole = client.completions.create(model=MODEL, prompt="The sky is", max_tokens=6)
    assert whole.choices[0].text
    assert whole.usage is not None
    assert 0 < whole.usage.completion_tokens <= 6
    one = (1, whole.usage.prompt_tokens, whole.usage.completion_tokens)
    assert added(url, key, before) == one

    before = counted(url, key)
    with client.completions.create(
        model=MODEL,
        prompt="The sky is",
        max_tokens=6,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    [usage] = [chunk.usage for chunk in chunks if chunk.usage]
    assert added(url, key, before) == (1, usage.prompt_tokens, usage.completion_tokens)


def test_a_response_is_given_whole_and_streamed_and_each_token_is_counted(demo: Demo) -> None:
    client, url, key = demo
    before = counted(url, key)
    whole = client.responses.create(model=MODEL, input="Say hello.", max_output_tokens=6)
    assert whole.output_text
    assert whole.usage is not None
    assert 0 < whole.usage.output_tokens <= 6
    assert added(url, key, before) == (1, whole.usage.input_tokens, whole.usage.output_tokens)

    before = counted(url, key)
    with client.responses.create(
        model=MODEL, input="Say hello.", max_output_tokens=6, stream=True
    ) as stream:
        events = list(stream)
    assert "".join(one.delta for one in events if one.type == "response.output_text.delta")
    last = events[-1]
    assert last.type == "response.completed"
    usage = last.response.usage
    assert usage is not None
    assert added(url, key, before) == (1, usage.input_tokens, usage.output_tokens)


def test_it_makes_no_vectors_and_says_so_and_that_costs_nothing(demo: Demo) -> None:
    """llama.cpp's server answers this route only when it was started for nothing else."""
    client, url, key = demo
    before = counted(url, key)
    with pytest.raises(openai.InternalServerError) as caught:
        client.embeddings.create(model=MODEL, input="hello")
    assert "does not support embeddings" in caught.value.message
    assert added(url, key, before) == (1, 0, 0)
