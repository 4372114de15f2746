"""Answers of `/v1/messages`."""

import json
from collections.abc import Iterator
from typing import Any

from tryapps.replies.pieces import Counts, Reply, event, words
from tryapps.script import ToolCall


def messages(model: str, reply: Reply, counts: Counts, stream: bool) -> Iterator[Any]:
    usage = {"input_tokens": counts.prompt, "output_tokens": counts.answer}
    reason = "end_turn"
    block: dict[str, Any] = {"type": "text", "text": reply}
    opened: dict[str, Any] = {"type": "text", "text": ""}
    if isinstance(reply, ToolCall):
        reason = "tool_use"
        opened = {"type": "tool_use", "id": "toolu_pebble1", "name": reply.name, "input": {}}
        block = {**opened, "input": reply.arguments}
        text = json.dumps(reply.arguments)
        deltas = [{"type": "input_json_delta", "partial_json": text}]
    else:
        deltas = [{"type": "text_delta", "text": word} for word in words(reply)]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model}
    if not stream:
        yield {**message, "content": [block], "stop_reason": reason, "usage": usage}
        return
    begun = {**message, "content": [], "usage": {**usage, "output_tokens": 0}}
    yield event("message_start", message=begun)
    yield event("content_block_start", index=0, content_block=opened)
    for delta in deltas:
        yield event("content_block_delta", index=0, delta=delta)
    yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": reason}, usage=usage)
    yield event("message_stop")
