"""The languages that clients speak: a folder for each family, in it a file with `DIALECTS` each."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from gateway.core.errors import Refusal
from gateway.dialects.protocol import Dialect

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


@cache
def all_dialects() -> tuple[Dialect, ...]:
    """Those of every file in this folder."""
    return tuple(one for file in _files() for one in getattr(file, "DIALECTS", ()))


@cache
def all_absent() -> dict[str, str]:
    """Paths that clients of these languages know and that are not here, and why (`ABSENT`)."""
    return {path: why for file in _files() for path, why in getattr(file, "ABSENT", {}).items()}


def _files() -> Iterator[Any]:
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        yield importlib.import_module(module.name)


def family(path: str) -> str:
    """Whose clients call that path: each family has errors of its own."""
    if path.startswith("/api/"):
        return "ollama"
    return "anthropic" if path.startswith("/v1/messages") else "openai"


def error_body(path: str, refusal: Refusal, request_id: str) -> bytes:
    """A refusal as the clients of that path expect it (docs/conventions.md)."""
    kind = refusal.kind
    # A refused key may have held half a surrogate pair, which no JSON can carry.
    message = refusal.message.encode("utf-8", "replace").decode()
    param = refusal.param.encode("utf-8", "replace").decode() if refusal.param else None
    callers = family(path)
    if callers == "ollama":
        return msgspec.json.encode({"error": message})
    if callers == "anthropic":
        fallback = "invalid_request_error" if kind.status < 500 else "api_error"
        error = {"type": _ANTHROPIC_TYPES.get(kind.status, fallback), "message": message}
        return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})
    error = {"message": message, "type": kind.type, "param": param, "code": kind.code}
    return msgspec.json.encode({"error": error})
