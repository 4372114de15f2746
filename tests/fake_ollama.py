"""How the fake model server answers on Ollama's own routes: shaped as a real one was recorded."""

import json
from typing import Any

from tests.fake_exchange import PROMPT_TOKENS, WORDS, Exchange

STREAMS = "application/x-ndjson"
VECTOR = [0.25, -0.5, 1.0]


def line(exchange: Exchange, text: str, **more: Any) -> dict[str, Any]:
    """One line of a stream, or a whole answer: chat has a message, generate a response."""
    said: dict[str, Any] = {"response": text}
    if exchange.target == "/api/chat":
        said = {"message": {"role": "assistant", "content": text}}
    model = {"model": exchange.json["model"], "created_at": "2026-11-23T11:01:06.596498044Z"}
    return {**model, **said, "done": False, **more}


def end(prompt: int = PROMPT_TOKENS, completion: int = len(WORDS)) -> dict[str, Any]:
    """What stands in the last line."""
    counts = {"prompt_eval_count": prompt, "eval_count": completion}
    return {"done": True, "done_reason": "stop", "total_duration": 9, **counts}


async def send(exchange: Exchange, value: object) -> None:
    """One line, spaced as Ollama does: not at all."""
    await exchange.send(json.dumps(value, separators=(",", ":")).encode() + b"\n")


async def words(exchange: Exchange, texts: tuple[str, ...] = WORDS) -> None:
    for text in texts:
        await send(exchange, line(exchange, text))


async def answer_native(exchange: Exchange) -> None:
    """What a model does on a good day."""
    if exchange.target == "/api/embed":
        given = exchange.json["input"]
        vectors = [VECTOR for _ in ([given] if isinstance(given, str) else given)]
        counts = {"total_duration": 9, "load_duration": 1, "prompt_eval_count": PROMPT_TOKENS}
        await exchange.whole({"model": exchange.json["model"], "embeddings": vectors, **counts})
    elif exchange.target == "/api/embeddings":
        await exchange.whole({"embedding": VECTOR})
    elif exchange.json["stream"]:
        await exchange.head(STREAMS)
        await words(exchange)
        await send(exchange, line(exchange, "", **end()))
        await exchange.end()
    else:
        await exchange.whole(line(exchange, "".join(WORDS), **end()))
