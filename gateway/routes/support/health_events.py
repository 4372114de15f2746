"""`GET /health` as an event stream: a few events, a moment apart.

So a way from outside can be tried without a key and a model: do events arrive when they are sent,
or are they held back; and is it this gateway that answers? `localllm doctor` does.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar.response import Stream

from gateway.dialects.shared import sse

EVENTS = 3
GAP = 0.4  # seconds between two of them
MEDIA = "text/event-stream"
INSTANCE = secrets.token_hex(8)  # of this process, so that it can be told from another


def wants_events(accept: str) -> bool:
    return MEDIA in accept.lower()


def health_events(state: dict[str, Any], status: int) -> Stream:
    """`data: {"status", "instance", "sent_ms"}`, the last counted from the first event."""
    headers = {"cache-control": "no-store"}
    return Stream(_events(state), status_code=status, media_type=MEDIA, headers=headers)


async def _events(state: dict[str, Any]) -> AsyncIterator[bytes]:
    began = time.monotonic()
    for number in range(EVENTS):
        if number:
            await asyncio.sleep(GAP)
        sent = round((time.monotonic() - began) * 1000)
        told = {"status": state["status"], "instance": INSTANCE, "sent_ms": sent}
        yield sse.write(msgspec.json.encode(told))
