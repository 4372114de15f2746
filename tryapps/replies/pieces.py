"""What the routes share: how a piece of a stream is written, and how a text falls into pieces."""

import json
from typing import Any, NamedTuple

from tryapps.script import ToolCall

Reply = ToolCall | str
CREATED = 1795431862  # seconds since 1970


class Counts(NamedTuple):
    """Tokens that the model reports."""

    prompt: int
    answer: int


def words(text: str) -> list[str]:
    """Joined, they are the text again."""
    first, *others = text.split(" ")
    return [first, *(" " + word for word in others)]


def line(value: object) -> str:
    """One line of NDJSON."""
    return json.dumps(value) + "\n"


def data(value: object) -> str:
    """A server-sent event without a name."""
    return f"data: {json.dumps(value)}\n\n"


def event(name: str, **fields: Any) -> str:
    """A server-sent event that says its name twice, as Anthropic's and OpenAI's newer ones do."""
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n"
