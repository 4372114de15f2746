"""Calls of the `openai` package on its routes beside chat, and a model server that says what a real
Ollama was recorded to say."""

from collections.abc import Callable
from typing import Any

from openai import AsyncOpenAI, OpenAI

from tests.support.fake_upstream import MODEL, Exchange
from tests.support.replay import Recording
from tests.support.requests.completions_stream import with_usage

ROUTES = ["completions", "embeddings", "responses"]
STREAMING = ["completions", "responses"]
STREAMED = {
    "completions": with_usage(Recording("oai-completions-stream").body, 14, 8),
    "responses": Recording("oai-responses-stream").body,
}


def call(client: OpenAI | AsyncOpenAI, route: str, **options: Any) -> Any:
    """The same question in the words of each route."""
    words = {"model": MODEL, "prompt" if route == "completions" else "input": "Say hello."}
    return getattr(client, route).create(**{**words, **options})


def say(name: str) -> Callable[[Exchange], Any]:
    async def whole(exchange: Exchange) -> None:
        await exchange.whole(Recording(name).body)

    return whole


def stream(body: bytes, *, ended: bool = True) -> Callable[[Exchange], Any]:
    """Event by event."""

    async def streamed(exchange: Exchange) -> None:
        await exchange.head()
        for event in body.removesuffix(b"\n\n").split(b"\n\n"):
            await exchange.send(event + b"\n\n")
        if ended:
            await exchange.end()
        else:
            exchange.cut()

    return streamed


def text_of(route: str, events: list[Any]) -> str:
    if route == "completions":
        return "".join(one.choices[0].text for one in events if one.choices)
    return "".join(one.delta for one in events if one.type == "response.output_text.delta")
