"""The smallest request to messages, and one that uses every field that is passed on."""

from typing import Any

MINIMAL: dict[str, Any] = {
    "model": "m",
    "max_tokens": 7,
    "messages": [{"role": "user", "content": "hi"}],
}
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
# One request with every known field. The first item of each list has every field that any has.
FULL: dict[str, Any] = {
    "model": "m",
    "max_tokens": 7,
    "messages": [
        {
            "role": "user",
            "content": [
                {
                    "type": "image",
                    "text": "t",
                    "source": PIXEL,
                    "thinking": "h",
                    "id": "toolu_1",
                    "name": "f",
                    "input": {},
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "image", "text": "t", "source": PIXEL}],
                    "is_error": True,
                }
            ],
        }
    ],
    "system": [{"type": "text", "text": "s"}],
    "stream": True,
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "stop_sequences": ["x"],
    "tools": [{"name": "f", "type": "custom", "description": "d", "input_schema": {}}],
    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
}
