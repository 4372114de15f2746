"""What a model server has in memory, and with which context: learned while it answers."""

import asyncio
import time

from gateway.backends.client import BackendClient
from gateway.backends.listing import loaded_models
from gateway.backends.model import Loaded

FRESH, RETRY = 30.0, 5.0  # seconds between two looks, where the model was seen and where it was not


class LoadedModels:
    """By canonical name. `seen`: what was in memory at the last look, which was `looked_at`."""

    def __init__(self, client: BackendClient) -> None:
        self._client = client
        self._usual: dict[str, int] = {}
        self.looked_at = -FRESH
        self._task: asyncio.Task[None] | None = None
        self.seen: dict[str, Loaded] = {}

    async def look(self, *, marks_down: bool = True) -> dict[str, Loaded] | None:
        """Ask what is in memory; None where the server does not tell. `marks_down`: as
        in `BackendClient.read`."""
        self.looked_at = time.monotonic()
        told = await loaded_models(self._client, marks_down=marks_down)
        self.seen = told or {}
        return told

    def usual_context(self, name: str) -> int | None:
        """The context that the model had for a request that named none; None: not known."""
        return self._usual.get(name)

    def has_lately(self, name: str) -> bool:
        """Whether the model was in memory at the last look, and that is not long ago."""
        return name in self.seen and time.monotonic() - self.looked_at < 2 * FRESH

    def note_answer(self, name: str) -> None:
        """The model answers a request that named no context: learn which one it has."""
        pause = FRESH if name in self.seen else RETRY
        if time.monotonic() - self.looked_at > pause and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._learn(name))

    async def _learn(self, name: str) -> None:
        await self.look()
        loaded = self.seen.get(name)
        if loaded is not None and loaded.context_length > 0:
            self._usual[name] = loaded.context_length

    async def close(self) -> None:
        """Give up asking, if that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
