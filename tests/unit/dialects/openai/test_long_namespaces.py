"""The name of a namespace stands before each of its functions, so it cannot be long."""

import json

import pytest

from gateway.core.errors import Refusal
from gateway.dialects import all_dialects
from gateway.dialects.protocol import Sanitised

RESPONSES = next(one for one in all_dialects() if one.path == "/v1/responses")


def sanitised(*spaces: str) -> Sanitised | Refusal:
    """Three functions in namespaces, the innermost first."""
    tools: list[object] = [{"type": "function", "name": f"f{number}"} for number in range(3)]
    for space in spaces:
        tools = [{"type": "namespace", "name": space, "tools": tools}]
    return RESPONSES.sanitise(json.dumps({"model": "m", "input": "x", "tools": tools}).encode())


def levels(depth: int) -> list[str]:
    """Each has a name of its own, or they would count as one."""
    return [f"level{level}" for level in range(depth)]


@pytest.mark.parametrize(
    "spaces", [["n" * 100_000], ["n" * 257], levels(120)], ids=["long", "a little too long", "deep"]
)
def test_a_name_that_would_fill_the_memory_is_refused(spaces: list[str]):
    found = sanitised(*spaces)
    assert isinstance(found, Refusal)
    assert "256 characters" in found.message


def test_names_as_programs_have_them_are_taken():
    assert isinstance(sanitised("mcp__a_server_with_a_long_name__and_more"), Sanitised)
    assert isinstance(sanitised(*levels(3)), Sanitised)
