"""Example requests and answers of the reference. A test holds them to their schemas."""

from typing import Any

MODEL = "qwen2.5:7b"
KEY_ID = "6f1c2a44-5c0e-4b7e-9a5d-3d2f8c1b7e90"

CHAT: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Say hello."}],
    "stream": True,
}

CHAT_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-788",
    "object": "chat.completion",
    "created": 1795431360,
    "model": MODEL,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello!"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 32, "completion_tokens": 3, "total_tokens": 35},
}


def _chunk(delta: str, finish: str) -> str:
    return (
        'data: {"id":"chatcmpl-373","object":"chat.completion.chunk","created":1795431362,'
        f'"model":"{MODEL}","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}'
        "\n\n"
    )


CHAT_STREAM = (
    _chunk('{"role":"assistant","content":"Hello"}', "null")
    + _chunk('{"content":"!"}', '"stop"')
    + "data: [DONE]\n\n"
)

MODELS: dict[str, Any] = {
    "object": "list",
    "data": [{"id": MODEL, "object": "model", "created": 1795431331, "owned_by": "library"}],
}

USAGE_ROW: dict[str, Any] = {
    "date": "2026-11-24",
    "model": MODEL,
    "requests": 12,
    "prompt_tokens": 4180,
    "completion_tokens": 2020,
    "total_tokens": 6200,
}

USAGE: dict[str, Any] = {
    "key": {"id": KEY_ID, "label": "my website", "prefix": "llm_3kTz"},
    "limits": {"rate_limit_per_min": 20, "monthly_token_limit": 1_000_000},
    "month": {
        "tokens_used": 6200,
        "tokens_held": 0,
        "tokens_remaining": 993_800,
        "requests": 12,
        "resets_at": "2026-12-01T00:00:00+00:00",
    },
    "by_day": [USAGE_ROW],
}

CREATE: dict[str, Any] = {"label": "my website", "monthly_token_limit": 1_000_000}

KEY: dict[str, Any] = {
    "id": KEY_ID,
    "prefix": "llm_3kTz",
    "label": "my website",
    "owner_email": None,
    "rate_limit_per_min": 20,
    "monthly_token_limit": 1_000_000,
    "tokens_used_month": 6200,
    "month_reset_at": "2026-12-01T00:00:00+00:00",
    "is_active": True,
    "scopes": ["chat", "embeddings", "models:read"],
    "allowed_models": None,
    "allowed_origins": None,
    "created_at": "2026-11-01T09:30:00+00:00",
    "expires_at": None,
    "last_used_at": "2026-11-24T03:10:00+00:00",
    "revoked_at": None,
}

HEALTH: dict[str, Any] = {
    "status": "ok",
    "store": {"kind": "embedded", "state": "ok"},
    "ollama": {"state": "ok", "demo": False},
    "tunnel": {"state": "off"},
    "outbox": {"waiting": 0, "oldest_seconds": 0.0},
    "queue": {"running": 0, "waiting": 0},
}
