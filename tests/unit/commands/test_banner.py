"""The line that `up` prints works when pasted into a shell."""

import json
import shlex

import pytest

from gateway.commands.banner import curl_line


def test_the_line_asks_for_a_stream_of_the_model_with_the_key() -> None:
    words = shlex.split(curl_line("http://127.0.0.1:8000", "llm_secret", "gemma3:270m"))
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:8000/v1/chat/completions"]
    assert "Authorization: Bearer llm_secret" in words
    body = json.loads(words[words.index("-d") + 1])
    assert (body["model"], body["stream"]) == ("gemma3:270m", True)


@pytest.mark.parametrize("model", ["it's", 'a"b', "$(touch x)", "ü`x`"])
def test_no_model_name_can_break_out_of_the_line(model: str) -> None:
    words = shlex.split(curl_line("http://h", "k", model))
    assert json.loads(words[-1])["model"] == model


def test_without_a_key_the_shell_fills_it_in() -> None:
    assert '"Authorization: Bearer $LOCALLLM_KEY"' in curl_line("http://h", None, "m")
