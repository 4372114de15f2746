"""What a model server does, in the language of whichever route is asked: shaped as recorded."""

import json
import struct
from base64 import b64encode
from typing import Any

from tests.support import fake_anthropic as anthropic
from tests.support import fake_ollama as ollama
from tests.support.fake_exchange import Exchange
from tests.support.fake_upstream import answer
from tests.support.paths import ROOT

TESTS = ROOT / "tests"
CALLED = json.loads((TESTS / "vectors" / "tool_calls.json").read_text("utf-8"))
NATIVE_CALL = json.loads((TESTS / "recordings/nat-chat-tools/response.body").read_text("utf-8"))
RESPONSES = {
    streaming: (TESTS / f"recordings/oai-responses{suffix}/response.body").read_bytes()
    for streaming, suffix in ((False, ""), (True, "-stream"))
}
VECTORS = json.loads((TESTS / "recordings/oai-embed2-array/response.body").read_text("utf-8"))
TOOL_USE = {"type": "tool_use", "id": "call_1", "name": "get_weather"}


async def respond(exchange: Exchange) -> None:
    """What a real one was recorded to say on /v1/responses."""
    streaming = bool(exchange.json.get("stream"))
    if streaming:
        await exchange.head()
        await exchange.send(RESPONSES[streaming])
        await exchange.end()
    else:
        await exchange.whole(RESPONSES[streaming])


async def embed(exchange: Exchange) -> None:
    """The vectors of two texts: numbers, or the base64 of floats as OpenAI's clients ask for."""
    recorded = [one["embedding"] for one in VECTORS["data"]]
    if exchange.target == "/api/embed":
        counts = {"prompt_eval_count": VECTORS["usage"]["prompt_tokens"]}
        await exchange.whole({"model": VECTORS["model"], "embeddings": recorded, **counts})
    elif exchange.json.get("encoding_format") == "base64":
        packed = [b64encode(struct.pack(f"<{len(one)}f", *one)).decode() for one in recorded]
        data = [{**one, "embedding": packed[one["index"]]} for one in VECTORS["data"]]
        await exchange.whole({**VECTORS, "data": data})
    else:
        await exchange.whole(VECTORS)


async def begin(exchange: Exchange) -> None:
    """The words of a stream, which goes on."""
    match exchange.target:
        case "/v1/messages":
            await anthropic.start(exchange)
            await anthropic.words(exchange)
        case "/api/chat":
            await exchange.head(ollama.STREAMS)
            await ollama.words(exchange)
        case _:
            await exchange.head()
            await exchange.words()


async def go_on(exchange: Exchange) -> None:
    """The words once more, behind `begin`."""
    match exchange.target:
        case "/v1/messages":
            await anthropic.words(exchange, 1)
        case "/api/chat":
            await ollama.words(exchange)
        case _:
            await exchange.words()


async def finish(exchange: Exchange) -> None:
    """The report and the end of it."""
    match exchange.target:
        case "/v1/messages":
            await anthropic.stop(exchange)
        case "/api/chat":
            await ollama.send(exchange, ollama.line(exchange, "", **ollama.end()))
            await exchange.end()
        case _:
            await exchange.usage()


async def crash(exchange: Exchange) -> None:
    """What a real one sends in a stream when its runner dies, up to HTTP's end of it."""
    match exchange.target:
        case "/v1/messages":
            error = {"type": "api_error", "message": "the runner is gone"}
            await anthropic.event(exchange, "error", error=error)
        case "/api/chat":
            await ollama.send(exchange, {"error": "the runner is gone"})
        case _:
            empty = exchange.chunk([{"index": 0, "delta": {}, "finish_reason": None}])
            await exchange.event({**empty, "model": ""})
    await exchange.end()


async def break_off(exchange: Exchange, how: str) -> None:
    """Words, and then: `cut`, `ended early` (Ollama's repeat guard) or `crashed`."""
    await begin(exchange)
    match how:
        case "cut":
            exchange.cut()
        case "ended early":
            await exchange.end()
        case _:
            await crash(exchange)


async def not_found(exchange: Exchange) -> None:
    """The model is not installed."""
    text = f"model '{exchange.json['model']}' not found"
    error: dict[str, Any] = {"message": text, "type": "not_found_error"}
    match exchange.target:
        case "/v1/messages":
            await exchange.whole({"type": "error", "error": error}, 404)
        case "/api/chat":
            await exchange.whole({"error": text}, 404)
        case _:
            await exchange.whole({"error": {**error, "param": None, "code": None}}, 404)


async def use_tool(exchange: Exchange) -> None:
    """A call of the tool at first; behind its result, words."""
    if len(exchange.json["messages"]) > 1:
        await answer(exchange)
    elif exchange.json.get("stream"):
        await _stream_call(exchange)
    elif exchange.target == "/v1/messages":
        content = [{**TOOL_USE, "input": {"city": "Paris"}}]
        made = anthropic.message(
            exchange, content, stop_reason="tool_use", usage=anthropic.counts(80, 31)
        )
        await exchange.whole(made)
    else:
        await exchange.whole(NATIVE_CALL if exchange.target == "/api/chat" else CALLED["whole"])


async def _stream_call(exchange: Exchange) -> None:
    match exchange.target:
        case "/v1/messages":
            pieces = [
                {"type": "input_json_delta", "partial_json": part}
                for part in ('{"city":', '"Paris"}')
            ]
            await anthropic.start(exchange)
            await anthropic.block(exchange, 0, {**TOOL_USE, "input": {}}, *pieces)
            await anthropic.stop(exchange, "tool_use", **anthropic.counts(80, 31))
        case "/api/chat":
            await exchange.head(ollama.STREAMS)
            await ollama.send(exchange, NATIVE_CALL)
            await exchange.end()
        case _:
            await exchange.head()
            for event in CALLED["stream"]:
                await exchange.event(event)
            await exchange.end()
