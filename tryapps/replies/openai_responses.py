"""Answers of `/v1/responses`."""

import json
from collections.abc import Iterator
from typing import Any

from tryapps.replies.pieces import CREATED, Counts, Reply, event, words
from tryapps.script import ToolCall


def responses(model: str, reply: Reply, counts: Counts, stream: bool) -> Iterator[Any]:
    usage = {
        "input_tokens": counts.prompt,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": counts.answer,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(counts),
    }
    base = {"id": "resp_1", "object": "response", "created_at": CREATED, "model": model}
    item = _item(reply)
    done = {**base, "status": "completed", "output": [item], "usage": usage}
    if not stream:
        yield done
        return
    begun = {**base, "status": "in_progress", "output": [], "usage": None}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        *_item_events(reply, item),
        ("response.completed", {"response": done}),
    ]
    for number, (name, fields) in enumerate(events):
        yield event(name, sequence_number=number, **fields)


def _item(reply: Reply) -> dict[str, Any]:
    if isinstance(reply, ToolCall):
        return {
            "id": "fc_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_pebble1",
            "name": reply.name,
            "arguments": json.dumps(reply.arguments),
        }
    part = {"type": "output_text", "text": reply, "annotations": [], "logprobs": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant"}
    return {**message, "status": "completed", "content": [part]}


def _item_events(reply: Reply, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    at: dict[str, Any] = {"item_id": item["id"], "output_index": 0}
    empty = {"arguments": ""} if isinstance(reply, ToolCall) else {"content": []}
    begun = {**item, "status": "in_progress", **empty}
    yield "response.output_item.added", {"output_index": 0, "item": begun}
    if isinstance(reply, ToolCall):
        arguments = item["arguments"]
        yield "response.function_call_arguments.delta", {**at, "delta": arguments}
        yield "response.function_call_arguments.done", {**at, "arguments": arguments}
    else:
        part = item["content"][0]
        at["content_index"] = 0
        yield "response.content_part.added", {**at, "part": {**part, "text": ""}}
        for word in words(reply):
            yield "response.output_text.delta", {**at, "delta": word, "logprobs": []}
        yield "response.output_text.done", {**at, "text": reply, "logprobs": []}
        yield "response.content_part.done", {**at, "part": part}
    yield "response.output_item.done", {"output_index": 0, "item": item}
