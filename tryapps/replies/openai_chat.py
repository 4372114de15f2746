"""Answers of `/v1/chat/completions`."""

import json
from collections.abc import Iterator
from typing import Any

from tryapps.replies.pieces import CREATED, Counts, Reply, data, words
from tryapps.script import ToolCall


def chat(model: str, reply: Reply, counts: Counts, stream: bool) -> Iterator[Any]:
    usage = {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.answer,
        "total_tokens": sum(counts),
    }
    message: dict[str, Any] = {"role": "assistant", "content": reply}
    reason = "stop"
    if isinstance(reply, ToolCall):
        function = {"name": reply.name, "arguments": json.dumps(reply.arguments)}
        call = {"id": "call_pebble1", "index": 0, "type": "function", "function": function}
        message = {"role": "assistant", "content": "", "tool_calls": [call]}
        reason = "tool_calls"
    kind = "chat.completion.chunk" if stream else "chat.completion"
    base = {"id": "chatcmpl-1", "object": kind, "created": CREATED, "model": model}
    if not stream:
        choice = {"index": 0, "message": message, "finish_reason": reason}
        yield {**base, "choices": [choice], "usage": usage}
        return
    deltas = [message]
    if isinstance(reply, str):
        deltas = [{"role": "assistant", "content": word} for word in words(reply)]
    for delta in deltas:
        yield data({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield data({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    yield data({**base, "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"
