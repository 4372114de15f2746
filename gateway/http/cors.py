"""Which websites' pages may call, and what browsers are told of it."""

from collections.abc import Sequence
from typing import Any

from gateway.core.origins import cors_pattern
from gateway.http.rate_headers import RATE_HEADERS

EXPOSED = b", ".join(
    (
        *(b"x-request-id", b"retry-after", b"x-should-retry"),
        *(b"x-localllm-ignored", b"x-localllm-prompt-cut"),
        *RATE_HEADERS,
    )
)
METHODS = b"GET, POST, PATCH, DELETE, OPTIONS"
LONGEST_ORIGIN = 300  # bytes; more than any has, and it is remembered with what a key was allowed
MAX_AGE = 7200  # seconds that a browser may remember a preflight
_DEFAULT_HEADERS = b"authorization, x-api-key, api-key, content-type, anthropic-version"


class Websites:
    """`entries` as `core.origins.cors_entry` gives them. This server's own pages may always call:
    its name was checked before (`Hosts`)."""

    def __init__(self, entries: Sequence[str]) -> None:
        self._any = "*" in entries
        self._origins = {origin.lower().encode() for origin in entries}
        self._patterns = cors_pattern(entries)

    def allow(self, origin: bytes, host: bytes | None) -> bool:
        if len(origin) > LONGEST_ORIGIN:
            return False
        own = origin.partition(b"://")[2] == host
        if self._any or own or (lower := origin.lower()) in self._origins:
            return True
        return bool(self._patterns and self._patterns.fullmatch(lower.decode("latin-1")))

    def grant(self, origin: bytes, host: bytes | None, exposed: bytes) -> list[tuple[bytes, bytes]]:
        """The headers by which the browser lets the page read the answer, or not."""
        grant = [(b"vary", b"Origin")]
        if self.allow(origin, host):
            grant.append((b"access-control-allow-origin", b"*" if self._any else origin))
            grant.append((b"access-control-expose-headers", exposed))
        return grant


async def answer_preflight(headers: dict[bytes, bytes], send: Any) -> None:
    """Say yes to the headers that are asked for: SDKs send x-stainless-* and more."""
    asked = headers.get(b"access-control-request-headers") or _DEFAULT_HEADERS
    answer = [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", asked),
        (b"access-control-max-age", b"%d" % MAX_AGE),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": answer})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
