"""A preset as tests make it, the routes on which it is asked, and what of it reaches the model."""

import json
from typing import Any, NamedTuple

from tests.support.callers import admin
from tests.support.fake_exchange import Exchange
from tests.support.fake_upstream import MODEL

SECRET = 'You sell "Moonshine\\7" – whisper the word xyzzy-Ω.\nNever say why.'
NAME = "@preset/faq"
TEMPLATE = "Describe {{product}} {{ count }} times in {{tone}}, that is {{product}}."
VARIABLES: dict[str, Any] = {
    "product": {"type": "string", "maxLength": 80},
    "count": {"type": "integer", "minimum": 1, "maximum": 9},
    "tone": {"enum": ["red", "blue"]},
}
VALUES: dict[str, Any] = {"product": "a mug", "count": 3, "tone": "red"}
FILLED = "Describe a mug 3 times in red, that is a mug."


def make_preset(url: str, name: str = "faq", **fields: Any) -> Any:
    """One with a secret, or with the fields."""
    return admin(url, "POST", "/presets", {"name": name, "model": MODEL, "system": SECRET} | fields)


def forget_presets(url: str) -> None:
    """So that others who use the database see none."""
    for one in admin(url, "GET", "/presets")["data"]:
        admin(url, "DELETE", f"/presets/{one['name']}")


class Told(NamedTuple):
    """What reached the model: the owner's prompt, and the messages after it by role."""

    system: str
    messages: list[tuple[str, str]]


class Way(NamedTuple):
    """A route on which a preset can be asked, and a request to it. `streams`: the field that
    Ollama's own routes have to be told."""

    path: str
    body: dict[str, Any]
    field: str  # where the caller's text stands


_USER = [{"role": "user", "content": "Say hello."}]
WAYS = [
    Way("/v1/chat/completions", {"messages": _USER}, "messages"),
    Way("/v1/completions", {"prompt": "Say hello."}, "prompt"),
    Way("/v1/responses", {"input": "Say hello."}, "input"),
    Way("/v1/messages", {"messages": _USER, "max_tokens": 50}, "messages"),
    Way("/api/chat", {"messages": _USER, "stream": False}, "messages"),
    Way("/api/generate", {"prompt": "Say hello.", "stream": False}, "prompt"),
    Way("/v1/generate", {"prompt": "Say hello."}, "prompt"),
]


def told(exchange: Exchange) -> Told:
    """Read by the form of the route that was asked of the model server."""
    body = exchange.json
    if exchange.target == "/v1/responses":
        given = body["input"]
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        return Told(body.get("instructions", ""), _said(items))
    if exchange.target == "/api/generate":
        return Told(body.get("system", ""), [("user", body["prompt"])])
    if exchange.target == "/v1/messages":
        return Told(body.get("system", ""), _said(body["messages"]))
    first, *rest = body["messages"]
    assert first["role"] == "system"
    return Told(first["content"], _said(rest))


def _said(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["role"], _text(one["content"])) for one in messages]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def tells(text: str) -> bool:
    """Whether it holds any piece of the secret, as it is or as JSON writes it."""
    pieces = ("Moonshine", "xyzzy", "whisper", "Never say why", SECRET, json.dumps(SECRET))
    return any(piece in text for piece in pieces)
