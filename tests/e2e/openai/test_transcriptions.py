"""OpenAI's package sends a recording, and its tokens are charged as the model server reports."""

import io

import openai
import pytest

from tests.support.callers import counted
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream


@pytest.fixture
def client(gateway: GatewayProcess, key: str):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as made:
        yield made


def recording() -> io.BytesIO:
    made = io.BytesIO(b"RIFF\0\0\0\0WAVEfmt " + bytes(2000))
    made.name = "said.wav"
    return made


def test_a_recording_becomes_text(
    shared_upstream: FakeUpstream, client: openai.OpenAI, gateway: GatewayProcess, key: str
) -> None:
    answer = client.audio.transcriptions.create(file=recording(), model="fake", language="en")
    assert answer.text == "Hello there, friend."
    [chat] = shared_upstream.chats
    assert chat.target == "/v1/chat/completions"
    assert counted(gateway.url, key) == (1, 11, 5)


def test_a_model_that_does_not_hear_is_told_in_the_words_of_the_model_server(
    shared_upstream: FakeUpstream, client: openai.OpenAI
) -> None:
    words = "Multimodal data provided, but model does not support multimodal requests."
    shared_upstream.behave = lambda exchange: exchange.whole({"error": {"message": words}}, 400)
    with pytest.raises(openai.BadRequestError, match="does not support multimodal"):
        client.audio.transcriptions.create(file=recording(), model="fake")
