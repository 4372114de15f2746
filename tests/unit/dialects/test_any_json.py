"""No JSON breaks a dialect: with any value in any place, a request is taken or refused."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects import all_counters, all_dialects
from gateway.dialects.protocol import Dialect, Sanitised

VALUES: tuple[Any, ...] = ({}, [], [[]], [{}], 5, -1.5, None, True, "x", "")
CALL = {"type": "function", "function": {"name": "a", "arguments": {}}, "id": "1"}
PART = {"type": "text", "text": "a", "image_url": {"url": "data:,"}, "cache_control": {}}
ITEM = {"type": "message", "role": "user", "content": [PART], "tool_calls": [CALL]}
OUTPUT = {"type": "function_call_output", "call_id": "1", "output": [PART]}
TOOL = {
    "type": "function",
    "name": "f",
    "function": {"name": "f", "parameters": {}},
    "input_schema": {"type": "object"},
    "tools": [{"type": "function", "name": "g"}],
}
FULL: dict[str, Any] = {
    "messages": [ITEM],
    "system": [PART],
    "input": [ITEM, OUTPUT],
    "tools": [TOOL],
    "tool_choice": {"type": "function", "name": "f", "function": {"name": "f"}},
    "options": {"seed": 1, "stop": ["a"], "num_ctx": 5},
    "stop": ["a"],
    "response_format": {"type": "json_schema", "json_schema": {"schema": {}}},
    "format": {"type": "object"},
    "text": {"format": {"type": "text"}},
    "reasoning": {"effort": "low"},
    "thinking": {"type": "enabled", "budget_tokens": 5},
    "output_config": {"format": {"type": "json_schema", "schema": {}}},
    "chat_template_kwargs": {"a": 1},
    "stream_options": {"include_usage": True},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a request."""
    yield path
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, one in inner:
        yield from places(one, (*path, name))


def with_value(request: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    made = copy.deepcopy(request)
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return made


@pytest.mark.parametrize("dialect", [*all_dialects(), *all_counters()], ids=lambda one: one.path)
def test_any_value_in_any_place_is_taken_or_refused(dialect: Dialect) -> None:
    base = {**dialect.reference.example, **FULL}
    for path in places(base):
        for value in VALUES:
            body = json.dumps(with_value(base, path, value)).encode()
            found = dialect.sanitise(body)
            assert isinstance(found, Refusal | Sanitised), (path, value)
            if isinstance(found, Sanitised) and dialect.count is None:
                dialect.narrow(found)
                assert isinstance(dialect.serialise(found, 5), bytes | Refusal), (path, value)
