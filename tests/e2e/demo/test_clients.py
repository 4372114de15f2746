"""The demo model through the gateway, in each dialect: real tokens, each counted, or a clear no."""

import json
from collections.abc import Iterator

import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.support.callers import bearer, connect, counted
from tests.support.demo_gateway import up
from tests.support.gateway_process import fresh_directory

pytestmark = pytest.mark.demo
MODEL = "gemma3:270m"
DOT = (  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]
OLLAMAS_OWN = [
    *(("GET", f"/api/{name}") for name in ("tags", "ps", "version")),
    *(("POST", f"/api/{name}") for name in ("chat", "generate", "embed", "embeddings", "show")),
]


class Demo:
    """`localllm up` where no Ollama answers, and its key."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        self._counted = (0, 0, 0)

    def openai(self) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key=self.key, max_retries=0)

    def added(self) -> tuple[int, ...]:
        """Requests, prompt tokens and completion tokens that were counted since the last look."""
        before, self._counted = self._counted, counted(self.url, self.key)
        return tuple(now - then for now, then in zip(self._counted, before, strict=True))


@pytest.fixture(scope="module")
def running() -> Iterator[Demo]:
    with fresh_directory() as home, up(home) as (url, key):
        yield Demo(url, key)


@pytest.fixture
def demo(running: Demo) -> Demo:
    running.added()
    return running


def test_a_chat_of_openai_s_client_is_answered_and_each_token_is_counted(demo: Demo) -> None:
    with demo.openai() as client:
        assert [one.id for one in client.models.list()] == [MODEL]
        whole = client.chat.completions.create(model=MODEL, messages=ASKED, max_tokens=8)
        assert whole.usage is not None
        assert whole.choices[0].message.content
        assert demo.added() == (1, whole.usage.prompt_tokens, whole.usage.completion_tokens)

        with client.chat.completions.create(
            model=MODEL,
            messages=ASKED,
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        ) as stream:
            chunks = list(stream)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        [usage] = [chunk.usage for chunk in chunks if chunk.usage]
        assert demo.added() == (1, usage.prompt_tokens, usage.completion_tokens)


def test_a_text_is_gone_on_with_and_each_token_is_counted(demo: Demo) -> None:
    with demo.openai() as client:
        whole = client.completions.create(model=MODEL, prompt="The sky is", max_tokens=6)
        assert whole.choices[0].text
        assert whole.usage is not None
        assert 0 < whole.usage.completion_tokens <= 6
        assert demo.added() == (1, whole.usage.prompt_tokens, whole.usage.completion_tokens)

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
        assert demo.added() == (1, usage.prompt_tokens, usage.completion_tokens)


def test_a_response_is_given_whole_and_streamed_and_each_token_is_counted(demo: Demo) -> None:
    with demo.openai() as client:
        whole = client.responses.create(model=MODEL, input="Say hello.", max_output_tokens=6)
        assert whole.output_text
        assert whole.usage is not None
        assert 0 < whole.usage.output_tokens <= 6
        assert demo.added() == (1, whole.usage.input_tokens, whole.usage.output_tokens)

        with client.responses.create(
            model=MODEL, input="Say hello.", max_output_tokens=6, stream=True
        ) as stream:
            events = list(stream)
        assert "".join(one.delta for one in events if one.type == "response.output_text.delta")
        last = events[-1]
        assert last.type == "response.completed"
        usage = last.response.usage
        assert usage is not None
        assert demo.added() == (1, usage.input_tokens, usage.output_tokens)

        # The package puts the answer together, by the place that each event names.
        with client.responses.stream(
            model=MODEL, input="Say hello.", max_output_tokens=6
        ) as building:
            built = building.get_final_response()
        assert built.output_text
        assert built.usage is not None
        assert demo.added() == (1, built.usage.input_tokens, built.usage.output_tokens)


def test_a_conversation_is_taken_with_what_the_model_said_in_it(demo: Demo) -> None:
    with demo.openai() as client:
        answer = client.responses.create(
            model=MODEL,
            input=[
                {"role": "user", "content": "Say hello."},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "Again."},
            ],
            max_output_tokens=6,
        )
        assert answer.output_text
        assert answer.usage is not None
        assert demo.added() == (1, answer.usage.input_tokens, answer.usage.output_tokens)


def test_thoughts_and_calls_come_back_as_clients_keep_them(demo: Demo) -> None:
    """The AI SDK keeps no content of a thought, and a call may have had no arguments."""
    with demo.openai() as client:
        answer = client.responses.create(
            model=MODEL,
            input=[
                {"role": "user", "content": "Say hello."},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": ""},
                {"type": "function_call", "call_id": "fc_1", "name": "greet", "arguments": ""},
                {"type": "function_call_output", "call_id": "fc_1", "output": "Hello."},
            ],
            max_output_tokens=6,
        )
        assert answer.usage is not None
        assert answer.usage.output_tokens_details.reasoning_tokens == 0
        assert demo.added() == (1, answer.usage.input_tokens, answer.usage.output_tokens)


def test_it_makes_no_vectors_and_says_so_and_that_costs_nothing(demo: Demo) -> None:
    """llama.cpp's server answers this route only when it was started for nothing else."""
    with demo.openai() as client, pytest.raises(openai.InternalServerError) as caught:
        client.embeddings.create(model=MODEL, input="hello")
    assert "does not support embeddings" in caught.value.message
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert demo.added() == (1, 0, 0)


def test_it_sees_no_picture_and_says_so_and_that_costs_nothing(demo: Demo) -> None:
    """A client would send it again after an error that is the server's."""
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DOT}"}}
    with demo.openai() as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": [picture]}],  # type: ignore[list-item]
        )
    assert "image input is not supported" in caught.value.message
    assert demo.added() == (1, 0, 0)


def test_anthropic_s_client_is_answered_and_pays_for_what_the_model_had_cached(demo: Demo) -> None:
    asked = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Name something that no other test asks for."}],
        "max_tokens": 8,
    }
    with Anthropic(base_url=demo.url, api_key=demo.key, max_retries=0) as client:
        whole = client.messages.create(**asked)  # type: ignore[call-overload]
        assert "".join(block.text for block in whole.content)
        first = whole.usage.input_tokens + (whole.usage.cache_read_input_tokens or 0)
        assert demo.added() == (1, first, whole.usage.output_tokens)
        # Its cache has the prompt now, and it reports as input what was new; we count all of it.
        with client.messages.stream(**asked) as stream:
            [told] = [event.usage for event in stream if event.type == "message_delta"]
            final = stream.get_final_message()
    # Clients that read the end of a stream alone are told of the prompt as well.
    assert told.input_tokens == final.usage.input_tokens
    assert told.cache_read_input_tokens == final.usage.cache_read_input_tokens
    assert "".join(block.text for block in final.content)  # type: ignore[union-attr]
    assert (final.usage.cache_read_input_tokens or 0) > 0
    assert final.usage.input_tokens < first
    assert demo.added() == (1, first, final.usage.output_tokens)


def test_it_goes_on_from_a_prompt_of_whoever_names_no_model(demo: Demo) -> None:
    with connect(demo.url) as client:
        body = {"prompt": "Hi", "max_tokens": 5}
        whole = client.post("/v1/generate", json=body, headers=bearer(demo.key))
        assert whole.status_code == 200, whole.text
        answer = whole.json()
        assert answer["model"] == MODEL
        assert answer["response"]
        used = answer["usage"]
        assert demo.added() == (1, used["prompt_tokens"], used["completion_tokens"])

        body = {"prompt": "Hi", "max_tokens": 5, "stream": True, "temperature": 0}
        streamed = client.post("/v1/generate", json=body, headers=bearer(demo.key))
    events = [one for one in streamed.text.split("\n\n") if one.startswith("data: ")]
    *pieces, last = [json.loads(one.removeprefix("data: ")) for one in events]
    assert "".join(piece["response"] for piece in pieces)
    used = last["usage"]
    assert 0 < used["completion_tokens"] <= 5
    assert demo.added() == (1, used["prompt_tokens"], used["completion_tokens"])


def test_it_is_no_ollama_and_says_so_in_ollama_s_shape(demo: Demo) -> None:
    body = {"model": MODEL, "prompt": "x", "input": "x", "messages": ASKED}
    with connect(demo.url) as client:
        for method, path in OLLAMAS_OWN:
            sent = body if method == "POST" else None
            answer = client.request(method, path, headers=bearer(demo.key), json=sent)
            assert answer.status_code == 501, answer.text
            assert list(answer.json()) == ["error"]
            assert "needs Ollama" in answer.json()["error"]
    assert demo.added() == (0, 0, 0)
