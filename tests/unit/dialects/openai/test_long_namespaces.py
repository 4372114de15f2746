"""The name of a namespace stands before each of its functions, so it cannot be long."""

import json

import pytest

from gateway.core.errors import Refusal
from gateway.dialects import all_dialects
from gateway.dialects.protocol import Sanitised

RESPONSES = next(one for one in all_dialects() if one.path == "/v1/responses")


def sanitised(space: str, depth: int = 1) -> Sanitised | Refusal:
    tools = [{"type": "function", "name": f"f{number}"} for number in range(3)]
    for _ in range(depth):
        tools = [{"type": "namespace", "name": space, "tools": tools}]
    return RESPONSES.sanitise(json.dumps({"model": "m", "input": "x", "tools": tools}).encode())


@pytest.mark.parametrize(("space", "depth"), [("n" * 100_000, 1), ("n" * 257, 1), ("ab", 120)])
def test_a_name_that_would_fill_the_memory_is_refused(space: str, depth: int):
    # Each level has a name of its own, or they would count as one.
    found = sanitised(space, depth) if depth == 1 else nested(depth)
    assert isinstance(found, Refusal)
    assert "256 characters" in found.message


def nested(depth: int) -> Sanitised | Refusal:
    tools: list[object] = [{"type": "function", "name": "f"}]
    for level in range(depth):
        tools = [{"type": "namespace", "name": f"level{level}", "tools": tools}]
    return RESPONSES.sanitise(json.dumps({"model": "m", "input": "x", "tools": tools}).encode())


def test_names_as_programs_have_them_are_taken():
    assert isinstance(sanitised("mcp__a_server_with_a_long_name__and_more"), Sanitised)
    assert isinstance(nested(3), Sanitised)
