"""What of a model's metadata is told."""

from typing import Any

import msgspec
import pytest

from gateway.backends.ollama_shapes import ShownModel


@pytest.mark.parametrize("where", ["model_info", "projector_info"])
def test_of_the_metadata_only_numbers_and_named_texts_are_told(where: str) -> None:
    told: dict[str, Any] = {
        "general.architecture": "gemma3",
        "general.parameter_count": 268098176,
        "gemma3.context_length": 32768,
        "gemma3.rope.freq_base": 1e6,
        "tokenizer.ggml.add_bos_token": True,
        "gemma3.layers": [1, 2],
    }
    kept_back: dict[str, Any] = {
        "tokenizer.chat_template": "SECRET",
        "general.description": "SECRET",
        "general.tags": ["SECRET"],
        "general.basename": "/home/SECRET",
        "general.type": "SECRET" * 20,
        "more": {"SECRET": 1},
    }
    shown = {"details": {}, "model_info": {}, where: {**told, **kept_back}}
    cleared = msgspec.to_builtins(msgspec.convert(shown, ShownModel).cleared())
    assert cleared[where] == told
