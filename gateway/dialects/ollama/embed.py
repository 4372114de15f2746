"""Ollama's own vectors: of several texts at once (`/api/embed`), and of one as it was before
(`/api/embeddings`), which reports nothing and is estimated."""

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.core import model_names
from gateway.core.decoding import UNREADABLE
from gateway.core.errors import Refusal
from gateway.dialects.ollama import answer
from gateway.dialects.ollama.family import FAMILY
from gateway.dialects.ollama.request import Int, NativeRequest, read, sanitised
from gateway.dialects.protocol import Body, Event, Metering, Reference, Sanitised, Usage
from gateway.dialects.shared import strict_json
from gateway.dialects.shared.prompt import length


class OllamaEmbedRequest(NativeRequest, kw_only=True):
    """Fields of Ollama's EmbedRequest. Without an input the model is only loaded, or dropped."""

    input: str | list[str] | None = None
    truncate: bool | None = None
    dimensions: Int | None = None


class OllamaEmbeddingsRequest(NativeRequest, kw_only=True):
    """Fields of Ollama's EmbeddingRequest. Without a prompt the model is only loaded, or
    dropped."""

    prompt: str | None = None


class OllamaEmbedAnswer(Struct):
    """`prompt_eval_count` is what the key is charged."""

    model: str
    embeddings: list[list[float]]
    total_duration: int | msgspec.UnsetType = msgspec.UNSET
    load_duration: int | msgspec.UnsetType = msgspec.UNSET
    prompt_eval_count: int | msgspec.UnsetType = msgspec.UNSET


class OllamaEmbeddingsAnswer(Struct):
    embedding: list[float]


class _Vectors:
    """What both have in common."""

    scope = "embeddings"
    framing = None
    native = True
    report_markers = ()
    text_marker = b"\n"
    # No token of it is generated, but who was sent a part of it pays for its prompt.
    text_start = re.compile(rb'"embeddings?"\s*:\s*\[')

    def serialise(self, sanitised: Sanitised, granted: int) -> bytes | Refusal:
        """The request as it goes upstream; there is no output to cap."""
        sanitised.request.model = model_names.upstream_name(
            sanitised.request.model, sanitised.model
        )
        return strict_json.encode(sanitised.request)

    def read_event(self, event: bytes) -> Event:
        """There are none."""
        return Event()

    def text_size(self, event: bytes) -> int:
        """None of it is generated."""
        return 0

    def read_body(self, body: bytes) -> Body:
        """The count of the prompts, if there is one."""
        try:
            found = msgspec.json.decode(body, type=dict[str, Raw])
        except UNREADABLE:
            return Body(broken=True)
        vectors = found.get("embeddings") or found.get("embedding")
        nothing = vectors is not None and bytes(vectors) == b"[]"
        usage = Usage() if nothing else answer.reported(body)
        return Body(usage, broken="error" in found)

    error_event = staticmethod(FAMILY.error_event)


class OllamaEmbed(_Vectors):
    """`POST /api/embed`. Implements `Dialect`."""

    path = upstream = "/api/embed"
    reference = Reference(
        "ollamaEmbed",
        "Ollama",
        "Make vectors of texts, as Ollama's API",
        "Each text that is longer than the model's context is cut, unless `truncate` is false.",
        OllamaEmbedRequest,
        {"model": "lab-embed", "input": "hello world", "dimensions": 8},
        OllamaEmbedAnswer,
        {
            "model": "lab-embed",
            "embeddings": [
                [
                    *(0.052807856, -0.62273026, 0.1263796, -0.18824676, -0.18366803),
                    *(0.37683582, 0.007669738, 0.6182327),
                ]
            ],
            "total_duration": 391982584,
            "load_duration": 7652961,
            "prompt_eval_count": 3,
        },
        metering=Metering(prompt=("prompt_eval_count",), completion=""),
    )

    def sanitise(self, body: bytes | bytearray) -> Sanitised | Refusal:
        """Check a request and say what it may cost."""
        request = read(body, OllamaEmbedRequest)
        if isinstance(request, Refusal):
            return request
        given = request.input or []
        return _vectors(request, [given] if isinstance(given, str) else given, "input")


class OllamaEmbeddings(_Vectors):
    """`POST /api/embeddings`. Implements `Dialect`."""

    path = upstream = "/api/embeddings"
    reference = Reference(
        "ollamaEmbeddings",
        "Ollama",
        "Make a vector of one text, as Ollama's older API",
        "Ollama does not say how many tokens it read: they are estimated from the text.",
        OllamaEmbeddingsRequest,
        {"model": "lab-embed", "prompt": "hello world"},
        OllamaEmbeddingsAnswer,
        {"embedding": [0.007991365157067776, -0.09423720836639404, 0.019124910235404968]},
        metering=Metering(prompt=(), completion="", note="Ollama reports nothing here."),
    )

    def sanitise(self, body: bytes | bytearray) -> Sanitised | Refusal:
        """Check a request and say what it may cost."""
        request = read(body, OllamaEmbeddingsRequest)
        if isinstance(request, Refusal):
            return request
        return _vectors(request, [request.prompt] if request.prompt else [], "prompt")


def _vectors(request: NativeRequest, texts: list[str], field: str) -> Sanitised | Refusal:
    """`field`: where the texts stand, if there are some."""
    size = sum(map(length, texts))
    empty = None if texts else field
    asked = sanitised(request, size=size, wraps=len(texts), stream=False, max_output=0, empty=empty)
    if isinstance(asked, Sanitised):
        asked.inputs = len(texts)
    return asked


DIALECTS: tuple[Any, ...] = (OllamaEmbed(), OllamaEmbeddings())
