"""The model servers as the owner sees them: where they are, whether they answer, what they have in
memory."""

import asyncio
import time
from typing import Any

from gateway.backends.backend import Backend
from gateway.backends.pool import BackendPool

_FRESH = 3.0  # seconds; however many look, the machines are asked once in that time
_PATIENCE = 0.5  # seconds that somebody waits for a look
_LONGEST = 64  # characters of a time


class Machines:
    """Asks all machines at once what they have loaded."""

    def __init__(self, pool: BackendPool) -> None:
        self._pool = pool
        self._looked = -_FRESH
        self._task: asyncio.Task[None] | None = None

    async def look(self) -> list[dict[str, Any]]:
        """Each as `Machine` of the reference. A machine that is slow is shown as it was."""
        if self._task is None or (self._task.done() and time.monotonic() - self._looked > _FRESH):
            self._task = asyncio.create_task(self._ask_all())
        if not self._task.done():
            await asyncio.wait([self._task], timeout=_PATIENCE)
        return [_machine(one) for one in self._pool.backends]

    async def close(self) -> None:
        """Give up asking, if that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _ask_all(self) -> None:
        await asyncio.gather(*(_ask(one) for one in self._pool.backends))
        self._looked = time.monotonic()


async def _ask(backend: Backend) -> None:
    """Looking marks no machine as down that is only slow to tell."""
    if backend.models.foreign:
        await backend.client.read("GET", "/v1/models", marks_down=False)
    else:
        await backend.loaded.look(marks_down=False)


def _machine(backend: Backend) -> dict[str, Any]:
    return {
        "name": backend.name,
        "url": backend.client.target.base_url,
        "kind": kind(backend),
        "state": "up" if backend.is_up else "down",
        "error": None if backend.is_up else "It does not answer.",
        "slots": backend.slots,
        "used": backend.in_use,
        "loaded": [{"model": name, **told} for name, told in loaded(backend).items()],
    }


def kind(backend: Backend) -> str:
    """demo, ollama, openai (another server that speaks its API), or unknown while it has not told
    anything."""
    if backend.client.target.listed_only:
        return "demo"
    if backend.models.foreign:
        return "openai"
    return "ollama" if backend.models.known else "unknown"


def loaded(backend: Backend) -> dict[str, dict[str, Any]]:
    """The models in memory, as of the last look: bytes, bytes of them on the GPU, tokens of
    context, and when they leave."""
    return {
        name: {
            "size": one.size,
            "size_vram": one.size_vram,
            "context": one.context_length,
            "expires_at": one.expires_at[:_LONGEST] if isinstance(one.expires_at, str) else None,
        }
        for name, one in sorted(backend.loaded.seen.items())
    }
