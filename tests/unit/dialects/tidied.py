"""What a dialect makes of a request: asked briefly by the tests of what is left out."""

import json
from typing import Any

from gateway.core.errors import Refusal
from gateway.dialects import all_dialects
from gateway.dialects.protocol import Dialect, Sanitised

CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
MESSAGES, NATIVE = "/v1/messages", "/api/chat"
SAID = {"messages": [{"role": "user", "content": "hi"}]}
MINIMAL: dict[str, dict[str, Any]] = {
    CHAT: SAID,
    COMPLETIONS: {"prompt": "hi"},
    RESPONSES: {"input": "hi"},
    MESSAGES: {"max_tokens": 9, **SAID},
    NATIVE: SAID,
    "/api/generate": {"prompt": "hi"},
    "/api/embed": {"input": "hi"},
    "/api/embeddings": {"prompt": "hi"},
    "/v1/embeddings": {"input": "hi"},
    "/v1/generate": {"prompt": "hi"},
}
SCHEMA = {"type": "object", "properties": {}}
FUNCTION: dict[str, dict[str, Any]] = {
    CHAT: {"type": "function", "function": {"name": "f", "parameters": SCHEMA}},
    NATIVE: {"type": "function", "function": {"name": "f", "parameters": SCHEMA}},
    RESPONSES: {"type": "function", "name": "f", "parameters": SCHEMA},
    MESSAGES: {"name": "f", "input_schema": SCHEMA},
}


def dialect(path: str) -> Dialect:
    return next(one for one in all_dialects() if one.path == path)


def ask(path: str, **fields: Any) -> Sanitised | Refusal:
    body = {"model": "m", **MINIMAL[path], **fields}
    return dialect(path).sanitise(json.dumps(body).encode())


def taken(path: str, **fields: Any) -> Sanitised:
    found = ask(path, **fields)
    assert isinstance(found, Sanitised), found
    return found


def refused(path: str, **fields: Any) -> Refusal:
    found = ask(path, **fields)
    assert isinstance(found, Refusal), found
    assert found.kind.status == 400
    return found


def sent(path: str, **fields: Any) -> dict[str, Any]:
    body = dialect(path).serialise(taken(path, **fields), 7)
    assert isinstance(body, bytes)
    return json.loads(body)
