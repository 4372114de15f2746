"""Of each OpenAI route the smallest request, and one that uses every field that is passed on."""

from typing import Any, NamedTuple

from gateway.dialects import all_dialects
from gateway.dialects.base import Dialect


class Example(NamedTuple):
    path: str
    minimal: dict[str, Any]
    full: dict[str, Any]

    @property
    def dialect(self) -> Dialect:
        return next(one for one in all_dialects() if one.path == self.path)


COMPLETION = Example(
    "/v1/completions",
    {"model": "m", "prompt": "hi"},
    {
        "model": "m",
        "prompt": "hi",
        "suffix": "s",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "seed": 1,
        "stop": ["x"],
        "temperature": 0.5,
        "frequency_penalty": 0.5,
        "presence_penalty": 0.5,
        "top_p": 0.5,
        "logprobs": 1,
    },
)

EMBEDDING = Example(
    "/v1/embeddings",
    {"model": "m", "input": "hi"},
    {"model": "m", "input": ["hi"], "dimensions": 8, "encoding_format": "base64"},
)

EXAMPLES = [COMPLETION, EMBEDDING]
