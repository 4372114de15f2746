"""Responses with calls of tools, as Ollama writes them: the keys of an object are in the order of
the alphabet."""

import json
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]
PROMPT_TOKENS, OUTPUT_TOKENS = 31, 7


def call(name: str, arguments: str = '{"a":1}', at: int = 0) -> Json:
    ids = {"call_id": f"call_{at}", "id": f"fc_{at}"}
    item = {"arguments": arguments, **ids, "name": name, "status": "completed"}
    return {**item, "type": "function_call"}


def response(*items: Json, model: str = "m") -> Json:
    usage = {
        "input_tokens": PROMPT_TOKENS,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": PROMPT_TOKENS + OUTPUT_TOKENS,
    }
    said = {"created_at": 1, "id": "r", "model": model, "object": "response", "output": items}
    fixed = {"parallel_tool_calls": True, "status": "completed", "tool_choice": "auto", "tools": []}
    return {**said, **fixed, "usage": usage}


def events(*calls: Json, model: str = "m") -> list[Json]:
    """A stream with these calls."""
    begun = {**response(model=model), "status": "in_progress", "usage": None}
    made: list[Json] = [{"response": begun, "type": "response.created"}]
    for at, item in enumerate(calls):
        place = {"item_id": item["id"], "output_index": at}
        kind = "response.function_call_arguments"
        added = {**item, "arguments": "", "status": "in_progress"}
        made += [
            {"item": added, "output_index": at, "type": "response.output_item.added"},
            {"delta": item["arguments"], **place, "type": f"{kind}.delta"},
            {"arguments": item["arguments"], **place, "type": f"{kind}.done"},
            {"item": item, "output_index": at, "type": "response.output_item.done"},
        ]
    made.append({"response": response(*calls, model=model), "type": "response.completed"})
    return [{**one, "sequence_number": number} for number, one in enumerate(made)]


def written(stream: Iterable[Json]) -> bytes:
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in stream)
