"""The page at `/`: what a person sees who opens the hostname in a browser."""

from typing import Any

from gateway.reference.commands import curl
from gateway.reference.examples import KEY_ID
from gateway.reference.frame import frame
from gateway.reference.html import Html, join, link, prose, tag
from gateway.reference.table import ROUTES

PLAIN = "localllm is running\n"
_REFERENCE = (
    tag("li", link("/docs", "API reference"), ": every route, with examples"),
    tag("li", link("/openapi.json", "OpenAPI document"), ": the same for programs"),
)


def home(model: str, state: dict[str, Any] | None, *, reference: bool) -> Html:
    """`state` is what `/health` says; None: it did not answer in time. `reference`: whether its
    reader may see that too."""
    chat = next(route for route in ROUTES if route.name == "createChatCompletion")
    return frame(
        "localllm",
        tag(
            "main",
            tag("h1", "localllm"),
            tag(
                "p",
                "A language model that runs on its owner’s own machine, for the websites and "
                "programs that the owner has given a key.",
                class_="lead",
            ),
            _state(state),
            tag("h2", "To use it"),
            tag(
                "p",
                prose("Ask the owner for an API key, put it into `LOCALLLM_KEY`, and try:"),
            ),
            tag("pre", tag("code", curl(chat, model, KEY_ID))),
            tag(
                "p",
                prose(
                    "Most OpenAI clients work: give them this page’s address with `/v1` behind it "
                    "and the key. `GET /v1/models` lists the models that your key can use."
                ),
            ),
            tag("h2", "More"),
            tag(
                "ul",
                *(_REFERENCE if reference else ()),
                tag("li", link("/health", "Health"), ": whether requests can be served now"),
            ),
            class_="home",
        ),
    )


def _state(state: dict[str, Any] | None) -> Html:
    """One line with a mark; colour is not all that tells good from bad."""
    if state is None:
        return _badge("unknown", "?", "The state could not be read in time.")
    if state["status"] != "unavailable":
        note = " Its built-in demo model answers." if state["ollama"]["demo"] else ""
        return _badge("good", "✓", f"Ready.{note}")
    away = [
        words
        for part, words in (("ollama", "the model"), ("store", "the key database"))
        if state[part]["state"] == "unavailable"
    ]
    return _badge("bad", "!", f"Not ready: {' and '.join(away)} cannot be reached.")


def _badge(kind: str, mark: str, text: str) -> Html:
    shown = join(tag("span", mark, class_=f"mark {kind}", aria_hidden="true"), " ", text)
    return tag("p", shown, class_="state", role="status")
