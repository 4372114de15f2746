"""Answers of `/api/chat`."""

from collections.abc import Iterator
from typing import Any

from tryapps.replies.pieces import Counts, Reply, line, words
from tryapps.script import ToolCall

_TIME = "2026-11-23T11:01:06.596498044Z"


def native_chat(model: str, reply: Reply, counts: Counts, stream: bool) -> Iterator[Any]:
    end = {
        "done": True,
        "done_reason": "stop",
        "total_duration": 9,
        "load_duration": 1,
        "prompt_eval_count": counts.prompt,
        "prompt_eval_duration": 1,
        "eval_count": counts.answer,
        "eval_duration": 1,
    }
    base = {"model": model, "created_at": _TIME}
    message: dict[str, Any] = {"role": "assistant", "content": reply}
    if isinstance(reply, ToolCall):
        function = {"index": 0, "name": reply.name, "arguments": reply.arguments}
        call = {"id": "call_pebble1", "function": function}
        message = {"role": "assistant", "content": "", "tool_calls": [call]}
    if not stream:
        yield {**base, "message": message, **end}
        return
    parts = [message]
    if isinstance(reply, str):
        parts = [{"role": "assistant", "content": word} for word in words(reply)]
    for part in parts:
        yield line({**base, "message": part, "done": False})
    yield line({**base, "message": {"role": "assistant", "content": ""}, **end})
