"""The page at `/`: what a person sees who opens the hostname in a browser."""

from html import escape
from string import Template
from typing import Any

from gateway.reference.commands import curl
from gateway.reference.table import ROUTES
from gateway.static import read

PLAIN = "localllm is running\n"
TEMPLATE = read("home.html")
_CHAT = next(route for route in ROUTES if route.name == "createChatCompletion")
_REFERENCE = """
<li><a href="/docs">API</a>: try every route</li>
<li><a href="/redoc">API reference</a>: every route, and a guide to keys, limits and errors</li>
<li><a href="/openapi.json">OpenAPI document</a>: the same for programs</li>"""

_CONSOLE = """
<li><a href="/console">Console</a>: for the owner, with the admin secret</li>"""


def home(
    address: str, model: str, state: dict[str, Any] | None, *, reference: bool, console: bool
) -> str:
    """`address`: where the reader found this server. `state`: what `/health` says; None: it did not
    answer in time. `reference`: whether the reader may see the API pages too; `console`:
    and the owner's."""
    kind, mark, text = _state(state)
    return Template(TEMPLATE).substitute(
        kind=kind,
        mark=mark,
        state=escape(text),
        example=escape(curl(_CHAT, address, model)),
        reference=_REFERENCE if reference else "",
        console=_CONSOLE if console else "",
    )


def _state(state: dict[str, Any] | None) -> tuple[str, str, str]:
    """Class, mark and text: colour alone does not tell good from bad."""
    if state is None:
        return "unknown", "?", "The state could not be read in time."
    if state["status"] != "unavailable":
        note = " Its built-in demo model answers." if state["ollama"]["demo"] else ""
        return "good", "✓", f"Ready.{note}"
    away = [
        words
        for part, words in (("ollama", "the model"), ("store", "the key database"))
        if state[part]["state"] == "unavailable"
    ]
    return "bad", "!", f"Not ready: {' and '.join(away)} cannot be reached."
