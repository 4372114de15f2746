"""The smallest chat request, and one that uses every field that is passed on."""

from typing import Any

MINIMAL: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
# One request that uses every known field, so that each place where an object can stand is there.
FULL: dict[str, Any] = {
    "model": "m",
    "messages": [
        {
            "role": "user",
            "content": [
                {
                    "type": "text",
                    "text": "t",
                    "image_url": {"url": "data:", "detail": "low"},
                    "input_audio": {"data": "", "format": "wav"},
                }
            ],
            "reasoning": "r",
            "reasoning_content": "r",
            "tool_calls": [
                {
                    "id": "1",
                    "index": 0,
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}"},
                }
            ],
            "name": "n",
            "tool_call_id": "1",
        }
    ],
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 5,
    "max_completion_tokens": 5,
    "seed": 1,
    "stop": ["x"],
    "temperature": 0.5,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "top_p": 0.5,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "s", "description": "d", "schema": {}, "strict": True},
    },
    "tools": [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}
    ],
    "reasoning": {"effort": "low"},
    "reasoning_effort": "low",
    "logprobs": True,
    "top_logprobs": 1,
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": True,
    "top_k": 40,
    "min_p": 0.5,
    "chat_template_kwargs": {"enable_thinking": False},
}
