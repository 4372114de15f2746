"""Of each route that passes a request on, the smallest one and one that uses every field."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from gateway.dialects import all_dialects
from gateway.dialects.protocol import Dialect
from tests.support.requests import full_chat, full_messages, ollama, openai
from tests.support.requests.near_messages import NEAR

_SCHEMAS = ("schema", "parameters", "chat_template_kwargs")
_NATIVE = ("format", "parameters", "arguments")


class Route(NamedTuple):
    """`open`: fields in which any key may stand: schemas and values. `near`: more documents that
    are nearly accepted."""

    path: str
    minimal: dict[str, Any]
    full: dict[str, Any]
    open: tuple[str, ...]
    near: st.SearchStrategy[dict[str, Any]] = st.nothing()

    @property
    def dialect(self) -> Dialect:
        return next(one for one in all_dialects() if one.path == self.path)


ROUTES = [
    Route("/v1/chat/completions", full_chat.MINIMAL, full_chat.FULL, _SCHEMAS),
    *(Route(one.path, one.minimal, one.full, _SCHEMAS) for one in openai.EXAMPLES),
    Route(
        "/v1/messages",
        full_messages.MINIMAL,
        full_messages.FULL,
        ("input_schema", "input", "schema"),
        NEAR,
    ),
    Route("/api/chat", ollama.MINIMAL_CHAT, ollama.EVERY_CHAT, _NATIVE),
    Route("/api/generate", ollama.MINIMAL_GENERATE, ollama.EVERY_GENERATE, _NATIVE),
    Route("/api/embed", ollama.MINIMAL_EMBED, ollama.EVERY_EMBED, _NATIVE),
    Route("/api/embeddings", ollama.MINIMAL_EMBEDDINGS, ollama.EVERY_EMBEDDINGS, _NATIVE),
]
