"""Examples of the owner's overview. A test holds them to their schemas."""

from typing import Any

from gateway.reference.examples import KEY_ID, MODEL

REQUEST_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"

LOGGED: dict[str, Any] = {
    "id": REQUEST_ID,
    "time": "2026-11-24T03:10:00.120Z",
    "api_key_id": KEY_ID,
    "key_name": "my website",
    "visitor": None,
    "route": "/v1/chat/completions",
    "model": MODEL,
    "backend": "den-pc",
    "status": "ok",
    "usage_source": "reported",
    "prompt_tokens": 310,
    "completion_tokens": 120,
    "total_tokens": 430,
    "charged_tokens": 430,
    "ttft_ms": 240,
    "duration_ms": 3100,
}

RUNNING: dict[str, Any] = {
    "id": REQUEST_ID,
    "key": {"id": KEY_ID, "name": "my website"},
    "visitor": None,
    "route": "/v1/chat/completions",
    "model": MODEL,
    "backend": "den-pc",
    "stream": True,
    "since": "2026-11-24T03:10:00.120Z",
    "place": None,
    "prompt_tokens": 310,
    "completion_tokens": 64,
    "tokens_per_second": 41.5,
    "ttft_ms": 240,
}

LOADED: dict[str, Any] = {
    "size": 6_100_000_000,
    "size_vram": 6_100_000_000,
    "context": 4096,
    "expires_at": "2026-11-24T03:15:00Z",
}

REFUSED: dict[str, Any] = {
    "time": "2026-11-24T03:10:00.120Z",
    "request_id": REQUEST_ID,
    "route": "/v1/chat/completions",
    "status": 403,
    "code": "model_not_found",
    "message": "This API key may not use the model 'llama3:70b'.",
    "hint": "Use one that GET /v1/models lists.",
    "key": {"id": KEY_ID, "name": "my website"},
    "prefix": "llm_3kTz",
    "visitor": None,
    "model": "llama3:70b",
}

_USE = {"requests": 12, "total_tokens": 6200, "charged_tokens": 6200}

STATUS: dict[str, Any] = {
    "object": "status",
    "time": "2026-11-24T03:10:02.000Z",
    "version": "1.0.0",
    "started_at": "2026-11-23T18:00:00.000Z",
    "gateway": "den-pc",
    "gateways": 1,
    "address": "https://llm.example.com",
    "running": [RUNNING],
    "waiting": [],
    "backends": [
        {
            "name": "den-pc",
            "url": "http://localhost:11434",
            "kind": "ollama",
            "state": "up",
            "error": None,
            "slots": 4,
            "used": 1,
            "loaded": [{"model": MODEL, **LOADED}],
        }
    ],
    "queue": {"waiting": 0, "limit": 100},
    "store": {"kind": "embedded", "state": "up", "latency_ms": 1.8},
    "outbox": {"waiting": 0, "oldest_seconds": 0.0},
    "tunnel": {"state": "up", "hostname": "llm.example.com", "detail": None},
    "today": _USE,
    "month": _USE,
    "default_model": MODEL,
}

_EVENT = "event: {}\ndata: {{…}}\n\n"
EVENTS = "".join(_EVENT.format(name) for name in ("status", "request", "refused"))

OWNERS_MODEL: dict[str, Any] = {
    "model": MODEL,
    "size": 4_700_000_000,
    "family": "qwen2",
    "parameters": "7.6B",
    "quantization": "Q4_K_M",
    "modified_at": "2026-11-01T09:30:00Z",
    "backends": ["den-pc"],
    "loaded": [{"backend": "den-pc", **LOADED}],
    "preload": False,
}

FINDINGS: dict[str, Any] = {
    "object": "doctor",
    "findings": [{"title": "ollama", "state": "ok", "text": "answers, with 4 models"}],
}
