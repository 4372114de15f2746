"""What a request with nothing to read is answered: what a real Ollama says when it loads."""

from typing import Any

import msgspec

from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import loading


def chat(sanitised: Sanitised) -> bytes:
    return _loaded(sanitised, message={"role": "assistant", "content": ""})


def generate(sanitised: Sanitised) -> bytes:
    return _loaded(sanitised, response="")


def embed(sanitised: Sanitised) -> bytes:
    return msgspec.json.encode({"model": loading.model_name(sanitised), "embeddings": []})


def embeddings(sanitised: Sanitised) -> bytes:
    return b'{"embedding":[]}'


def _loaded(sanitised: Sanitised, **said: Any) -> bytes:
    named = {"model": loading.model_name(sanitised), "created_at": loading.moment()}
    return msgspec.json.encode({**named, **said, "done": True, "done_reason": "load"})
