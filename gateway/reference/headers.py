"""The headers of answers, beside those that HTTP itself has."""

from typing import Any

RATE_HEADERS: dict[str, Any] = {
    f"x-ratelimit-{part}-{unit}": {
        "description": f"{words} {unit} of this key.",
        "schema": {"type": "string" if part == "reset" else "integer"},
    }
    for unit in ("requests", "tokens")
    for part, words in (
        ("limit", "Limit of"),
        ("remaining", "What is left of the"),
        ("reset", "Time (such as 12ms, 1s, 6m0s) until there are more"),
    )
}
HEADERS: dict[str, Any] = {
    "x-request-id": {
        "description": "Names this request in the log.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "retry-after": {
        "description": "Seconds until another try makes sense.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "x-should-retry": {
        "description": "`false`: a retry cannot help, or not before the month ends.",
        "schema": {"type": "string"},
    },
    "x-localllm-ignored": {
        "description": "What was left out of the request, such as `keep_alive`, `options.num_ctx` "
        "or `tools.web_search`: at most 20 names, with commas between them.",
        "schema": {"type": "string"},
    },
    "x-localllm-estimated": {
        "description": "`input_tokens`: that number is an estimate.",
        "schema": {"type": "string"},
    },
    **RATE_HEADERS,
}
