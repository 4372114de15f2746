"""How the fake model server answers on Ollama's own routes: shaped as a real one was recorded."""

import json
from typing import Any

from tests.support.fake_exchange import PROMPT_TOKENS, WORDS, Exchange
from tests.support.paths import RECORDINGS

STREAMS = "application/x-ndjson"
# What a Modelfile can hold that is the owner's business, beside what the recording has.
SECRETS = {
    "system": "You are SECRET.",
    "license": "SECRET terms",
    "messages": [{"role": "user", "content": "SECRET"}],
    "template": "{{ SECRET }}",
    "modelfile": "FROM /home/SECRET/blob",
}
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


def _only_loads(exchange: Exchange) -> bool:
    """There is nothing to read."""
    given = (exchange.json.get(name) for name in ("prompt", "messages", "input"))
    return exchange.target != "/api/embeddings" and not any(given)


async def answer_native(exchange: Exchange) -> None:
    """What a model does on a good day."""
    asked = exchange.json
    if _only_loads(exchange):
        if exchange.target == "/api/embed":
            await exchange.whole({"model": asked["model"], "embeddings": []})
            return
        reason = "unload" if asked.get("keep_alive") == 0 else "load"
        await exchange.whole(line(exchange, "", done=True, done_reason=reason))
    elif asked.get("_debug_render_only"):
        shown = {"rendered_template": "<user>SECRET"}
        await exchange.whole(line(exchange, "", _debug_info=shown))
    elif exchange.target == "/api/embed":
        given = exchange.json["input"]
        vectors = [VECTOR for _ in ([given] if isinstance(given, str) else given)]
        counts = {"total_duration": 9, "load_duration": 1, "prompt_eval_count": PROMPT_TOKENS}
        await exchange.whole({"model": exchange.json["model"], "embeddings": vectors, **counts})
    elif exchange.target == "/api/embeddings":
        await exchange.whole({"embedding": VECTOR if asked.get("prompt") else []})
    elif asked["stream"]:
        await exchange.head(STREAMS)
        await words(exchange)
        await send(exchange, line(exchange, "", **end()))
        await exchange.end()
    else:
        await exchange.whole(line(exchange, "".join(WORDS), **end()))


def shown() -> dict[str, Any]:
    """What a real one was recorded to show of a model, and more that nobody should see."""
    body = json.loads((RECORDINGS / "nat-show" / "response.body").read_text("utf-8"))
    info = {
        "general.license": "SECRET " * 40,
        "tokenizer.chat_template": "{{ SECRET }}" * 9,
        "general.source.path": "/home/SECRET",
        "general.source.windows": "C:\\SECRET",
        "general.tags": ["a/SECRET"],
        "general.more": {"SECRET": 1},
    }
    details = {**body["details"], "parent_model": "/home/SECRET/blob"}
    return {**body, **SECRETS, "details": details, "model_info": {**body["model_info"], **info}}


async def show(exchange: Exchange, models: list[str]) -> None:
    """A model is found under its own name or without the tag."""
    asked = exchange.json["model"]
    if any(asked in {name, name.removesuffix(":latest")} for name in models):
        await exchange.whole(shown())
    else:
        await exchange.whole({"error": f"model '{asked}' not found"}, 404)
