"""OpenAI embeddings: texts become vectors. The prompt is all that there is to count."""

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from gateway.core.decoding import UNREADABLE
from gateway.dialects.openai.chat import answer as chat
from gateway.dialects.protocol import Body, Dialect, Sanitised
from gateway.dialects.reference import Metering, Reference
from gateway.dialects.shared.fields import ModelName
from gateway.dialects.shared.prompt import length, prompt_bound

_Texts = Annotated[list[str], Meta(min_length=1)]


class EmbeddingRequest(Struct, omit_defaults=True, kw_only=True):
    """Fields that are not listed here do not reach the model, which takes texts, no tokens."""

    model: ModelName = None
    input: Annotated[str | _Texts, Meta(description="The text, or texts, to be embedded.")]
    dimensions: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    encoding_format: Annotated[
        Literal["float", "base64"] | None,
        Meta(description="Vectors as numbers, or as the base64 of 32-bit floats."),
    ] = None


class Embedding(Struct):
    """`embedding` is base64 where that was asked for."""

    object: Literal["embedding"]
    embedding: list[float] | str
    index: int


class EmbeddingUsage(Struct):
    """Tokens as the model server reports them; they are what the key is charged."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Struct):
    """One vector for each text. A model server may add fields of its own."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage | UnsetType = UNSET


_REQUEST: dict[str, Any] = {"model": "nomic-embed-text", "input": ["hello world", "a sentence"]}

_ANSWER: dict[str, Any] = {
    "object": "list",
    "data": [
        {"object": "embedding", "embedding": [0.007991367, -0.09423723, 0.019124914], "index": 0},
        {"object": "embedding", "embedding": [-0.0043687923, -0.055884738, 0.04110816], "index": 1},
    ],
    "model": "nomic-embed-text",
    "usage": {"prompt_tokens": 6, "total_tokens": 6},
}


class _Vectors(Struct):
    data: list[Raw] = []


_decode_vectors = msgspec.json.Decoder(_Vectors).decode


def _measure(request: EmbeddingRequest) -> Sanitised:
    """What it may cost. The model reads each text by itself."""
    texts = [request.input] if isinstance(request.input, str) else request.input
    size = sum(map(length, texts))
    return Sanitised(
        parsed=request,
        stream=False,
        wants_usage=False,
        prompt_bytes=size,
        messages=len(texts),
        prompt_bound=prompt_bound(size, messages=len(texts)),
        max_output=0,
        inputs=len(texts),
    )


def _read_body(body: bytes) -> Body:
    """The prompt tokens of all texts."""
    try:
        found = _decode_vectors(body)
        return Body(chat.reported_in(body), broken=not found.data)
    except UNREADABLE:
        return Body(broken=True)


EMBEDDINGS = Dialect(
    path="/v1/embeddings",
    upstream="/v1/embeddings",
    scope="embeddings",
    reference=Reference(
        "createEmbedding",
        "Embeddings",
        "Turn texts into vectors",
        "As OpenAI's API, for a model that is made for it.",
        EmbeddingRequest,
        _REQUEST,
        EmbeddingList,
        _ANSWER,
        metering=Metering(prompt=("usage.prompt_tokens",), completion=""),
    ),
    measure=_measure,
    read_body=_read_body,
    text_start=re.compile(rb'"embedding"\s*:\s*["\[]'),
)
DIALECTS = (EMBEDDINGS,)
