"""Example requests and answers of the reference. A test holds them to their schemas."""

from typing import Any

from gateway.dialects.reference import EXAMPLE_MODEL as MODEL

KEY_ID = "6f1c2a44-5c0e-4b7e-9a5d-3d2f8c1b7e90"

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
    "max_output_tokens": None,
    "tokens_used_month": 6200,
    "month_reset_at": "2026-12-01T00:00:00+00:00",
    "is_active": True,
    "scopes": ["chat", "embeddings", "models:read"],
    "allowed_models": None,
    "allowed_origins": None,
    "created_at": "2026-11-01T09:30:00+00:00",
    "expires_at": None,
    "visitors": None,
    "last_used_at": "2026-11-24T03:10:00+00:00",
    "revoked_at": None,
}

HEALTH: dict[str, Any] = {
    "status": "ok",
    "store": {"kind": "embedded", "state": "ok"},
    "ollama": {
        "state": "ok",
        "demo": False,
        "loaded": [{"model": "qwen2.5:7b", "context": 4096, "processor": "100% GPU"}],
    },
    "tunnel": {"state": "off"},
    "outbox": {"state": "ok", "waiting": 0, "oldest_seconds": 0.0},
    "queue": {"running": 0, "waiting": 0},
}
