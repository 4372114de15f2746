"""Of each OpenAI route the smallest request, and one that uses every field that is passed on."""

from typing import Any, NamedTuple

from gateway.dialects import all_dialects
from gateway.dialects.protocol import Dialect


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
        "top_k": 40,
        "min_p": 0.5,
    },
)

EMBEDDING = Example(
    "/v1/embeddings",
    {"model": "m", "input": "hi"},
    {"model": "m", "input": ["hi"], "dimensions": 8, "encoding_format": "base64"},
)

_PART = {"type": "input_image", "text": "t", "image_url": "data:x", "detail": "low"}
RESPONSE = Example(
    "/v1/responses",
    {"model": "m", "input": "hi"},
    {
        "model": "m",
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [_PART],
                "id": "1",
                "status": "completed",
                "call_id": "1",
                "name": "f",
                "arguments": "{}",
                "output": [_PART],
                "summary": [{"type": "summary_text", "text": "t"}],
                "encrypted_content": "e",
            }
        ],
        "instructions": "i",
        "stream": True,
        "max_output_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.5,
        "tools": [
            {
                "type": "function",
                "name": "f",
                "description": "d",
                "parameters": {},
                "strict": True,
            }
        ],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}},
        "reasoning": {"effort": "low", "summary": "auto", "generate_summary": "auto"},
        "truncation": "auto",
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": True,
        "top_k": 40,
        "min_p": 0.5,
        "chat_template_kwargs": {"enable_thinking": False},
    },
)

EXAMPLES = [COMPLETION, EMBEDDING, RESPONSE]
