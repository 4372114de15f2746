"""How the fake model server answers on Anthropic's route: shaped as a real Ollama was recorded."""

import json
from typing import Any

from tests.support.fake_exchange import PROMPT_TOKENS, WORDS, Exchange

GUESS = 5  # what Ollama says of the prompt when a stream starts: wrong


async def event(exchange: Exchange, name: str, **fields: Any) -> None:
    """One event, spaced as Ollama does: not at all."""
    text = json.dumps({"type": name, **fields}, separators=(",", ":"))
    await exchange.send(f"event: {name}\ndata: {text}\n\n".encode())


def message(exchange: Exchange, content: list[Any], **fields: Any) -> dict[str, Any]:
    """A whole answer, or what a stream starts with."""
    made = {"id": "msg_1", "type": "message", "role": "assistant", "model": exchange.json["model"]}
    return {**made, "content": content, **fields}


def counts(prompt: int = PROMPT_TOKENS, completion: int = len(WORDS)) -> dict[str, int]:
    return {"input_tokens": prompt, "output_tokens": completion}


async def start(exchange: Exchange) -> None:
    await exchange.head()
    await event(exchange, "message_start", message=message(exchange, [], usage=counts(GUESS, 0)))


async def block(
    exchange: Exchange, index: int, opened: dict[str, Any], *deltas: dict[str, Any]
) -> None:
    """One block of the answer, piece by piece."""
    await event(exchange, "content_block_start", index=index, content_block=opened)
    for delta in deltas:
        await event(exchange, "content_block_delta", index=index, delta=delta)
    await event(exchange, "content_block_stop", index=index)


async def words(exchange: Exchange, index: int = 0) -> None:
    texts = [{"type": "text_delta", "text": word} for word in WORDS]
    await block(exchange, index, {"type": "text", "text": ""}, *texts)


async def stop(exchange: Exchange, reason: str = "end_turn", **usage: int) -> None:
    """The report, the terminal event, the end."""
    await event(
        exchange, "message_delta", delta={"stop_reason": reason}, usage={**counts(), **usage}
    )
    await event(exchange, "message_stop")
    await exchange.end()


async def answer_messages(exchange: Exchange) -> None:
    """What a model does on a good day."""
    if not exchange.json.get("stream"):
        text = [{"type": "text", "text": "".join(WORDS)}]
        whole = message(exchange, text, stop_reason="end_turn", usage=counts())
        await exchange.whole(whole)
        return
    await start(exchange)
    await words(exchange)
    await stop(exchange)
