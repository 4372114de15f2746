"""What a response without an input is answered: what a real Ollama says when it loads."""

from typing import Any

import msgspec

from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import loading, sse


def load_answer(sanitised: Sanitised) -> bytes:
    now = loading.seconds()
    part: dict[str, Any] = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    message = {"id": "msg_0", "type": "message", "status": "completed", "role": "assistant"}
    details = {
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    answer: dict[str, Any] = {
        "id": "resp_0",
        "object": "response",
        "created_at": now,
        "completed_at": now,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": loading.model_name(sanitised),
        "output": [{**message, "content": [part]}],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "tool_choice": "auto",
        "tools": [],
        "metadata": {},
        "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, **details},
    }
    if not sanitised.stream:
        return msgspec.json.encode(answer)
    empty: dict[str, Any] = {"completed_at": None, "output": [], "usage": None}
    begun = {**answer, "status": "in_progress", **empty}
    return _event(0, "response.created", begun) + _event(1, "response.completed", answer)


def _event(number: int, kind: str, response: dict[str, Any]) -> bytes:
    event = {"type": kind, "sequence_number": number, "response": response}
    return sse.write(msgspec.json.encode(event), kind.encode())
