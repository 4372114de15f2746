"""Servers that are no Ollama list ids that Ollama could not have."""

import pytest

from gateway.core.model_names import is_foreign, requested_name


@pytest.mark.parametrize(
    ("listed", "name"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "qwen/qwen2.5-7b-instruct:latest"),
        ("./models/7B/ggml-model.gguf", "./models/7b/ggml-model.gguf"),
        ("C:\\models\\Llama 3.gguf", "c:\\models\\llama 3.gguf"),
        ("mlx-community/Llama@4bit", "mlx-community/llama@4bit"),
    ],
)
def test_any_id_that_a_server_lists_can_be_asked_for(listed: str, name: str):
    assert requested_name(listed) == name


@pytest.mark.parametrize(
    "name", ["", "  ", "../x", "a\nb", "x:cloud:local", "é", "a b:cloud", "x" * 201]
)
def test_what_no_server_should_be_asked_for_is_refused(name: str):
    with pytest.raises(ValueError, match="model"):
        requested_name(name)


def test_a_name_that_only_another_server_can_have_is_known_as_such():
    assert is_foreign("./models/7b/x.gguf")
    assert not is_foreign("qwen2.5:7b")
