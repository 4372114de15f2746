"""Ollama's own vectors: of several texts at once (`/api/embed`), and of one as it was before
(`/api/embeddings`), which reports nothing and is estimated."""

import re

import msgspec
from msgspec import Raw, Struct

from gateway.core.decoding import UNREADABLE
from gateway.dialects.ollama import answer, kinds, load
from gateway.dialects.ollama.privileges import leave_out
from gateway.dialects.ollama.request import NativeRequest, measured
from gateway.dialects.protocol import Body, Dialect, Sanitised, Usage
from gateway.dialects.reference import Metering, Reference
from gateway.dialects.shared.fields import Int
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


def _measure_texts(request: OllamaEmbedRequest) -> Sanitised:
    """What it may cost."""
    given = request.input or []
    return _measure(request, [given] if isinstance(given, str) else given, "input")


def _measure_text(request: OllamaEmbeddingsRequest) -> Sanitised:
    """What it may cost."""
    return _measure(request, [request.prompt] if request.prompt else [], "prompt")


def _measure(request: NativeRequest, texts: list[str], field: str) -> Sanitised:
    """`field`: where the texts stand, if there are some."""
    sanitised = measured(
        request,
        size=sum(map(length, texts)),
        wraps=len(texts),
        stream=False,
        max_output=0,
        empty=None if texts else field,
    )
    sanitised.inputs = len(texts)
    return sanitised


def _read_body(body: bytes) -> Body:
    """The count of the prompts, if there is one."""
    try:
        found = msgspec.json.decode(body, type=dict[str, Raw])
    except UNREADABLE:
        return Body(broken=True)
    vectors = found.get("embeddings") or found.get("embedding")
    nothing = vectors is not None and bytes(vectors) == b"[]"
    usage = Usage() if nothing else answer.reported(body)
    return Body(usage, broken="error" in found)


# No token of it is generated, but who was sent a part of it pays for its prompt.
_TEXT_START = re.compile(rb'"embeddings?"\s*:\s*\[')

OLLAMA_EMBED = Dialect(
    path="/api/embed",
    upstream="/api/embed",
    scope="embeddings",
    native=True,
    reference=Reference(
        "ollamaEmbed",
        "Ollama",
        "Make vectors of texts, as Ollama's API",
        "A text that is longer than the model's context is refused, or cut if `truncate` is true.",
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
        places=kinds.PLACES,
    ),
    tidy=kinds.tidy,
    measure=_measure_texts,
    leave_out=leave_out,
    load_answer=load.embed,
    read_body=_read_body,
    text_start=_TEXT_START,
)

OLLAMA_EMBEDDINGS = Dialect(
    path="/api/embeddings",
    upstream="/api/embeddings",
    scope="embeddings",
    native=True,
    reference=Reference(
        "ollamaEmbeddings",
        "Ollama",
        "Make a vector of one text, as Ollama's older API",
        "Ollama does not say how many tokens it read: they are estimated from the text.",
        OllamaEmbeddingsRequest,
        {"model": "lab-embed", "prompt": "hello world"},
        OllamaEmbeddingsAnswer,
        {"embedding": [0.007991365157067776, -0.09423720836639404, 0.019124910235404968]},
        metering=Metering(prompt=(), completion="", note="Ollama reports nothing here."),
        places=kinds.PLACES,
    ),
    tidy=kinds.tidy,
    measure=_measure_text,
    leave_out=leave_out,
    load_answer=load.embeddings,
    read_body=_read_body,
    text_start=_TEXT_START,
)

DIALECTS = (OLLAMA_EMBED, OLLAMA_EMBEDDINGS)
