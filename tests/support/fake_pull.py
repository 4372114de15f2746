"""How the fake model server pulls a model: the lines that a real Ollama says of it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.fake_exchange import Exchange

STREAMS = "application/x-ndjson"
BIG, SMALL = "sha256:" + "b" * 64, "sha256:" + "5" * 64
MANIFEST = {"status": "pulling manifest"}


def layer(completed: int, total: int = 1000, digest: str = BIG) -> dict[str, Any]:
    """A line about one layer; what is nothing is left out."""
    there = {"completed": completed} if completed else {}
    return {"status": f"pulling {digest[7:19]}", "digest": digest, "total": total, **there}


LAST_LINES = (
    layer(1000),
    layer(10, 10, SMALL),
    {"status": "verifying sha256 digest"},
    {"status": "writing manifest"},
    {"status": "success"},
)


async def say(exchange: Exchange, *lines: dict[str, Any]) -> None:
    for line in lines:
        await exchange.send(json.dumps(line, separators=(",", ":")).encode() + b"\n")


async def pull_at_once(exchange: Exchange) -> None:
    """A pull that is over soon."""
    await exchange.head(STREAMS)
    await say(exchange, MANIFEST, layer(0), layer(400), *LAST_LINES)
    await exchange.end()


def pull_slowly(
    passed: Callable[[], Awaitable[None]], *then: dict[str, Any]
) -> Callable[[Exchange], Awaitable[None]]:
    """One that stands at 400 of 1000 bytes until something has happened; then it succeeds, or says
    other lines."""

    async def pull(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        await say(exchange, MANIFEST, layer(0), layer(400))
        await passed()
        await say(exchange, *(then or LAST_LINES))
        await exchange.end()

    return pull


def pull_fails(words: str) -> Callable[[Exchange], Awaitable[None]]:
    """One that ends with an error, within a 200 as Ollama does."""

    async def pull(exchange: Exchange) -> None:
        await exchange.head(STREAMS)
        await say(exchange, MANIFEST, {"error": words})
        await exchange.end()

    return pull
