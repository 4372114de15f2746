"""One model server: where it is, what it has, and whether it answers."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from gateway.backends.client import LONGEST_LOAD, BackendClient, ModelResponse, Target
from gateway.backends.errors import says_loading
from gateway.backends.loaded import LoadedModels
from gateway.backends.machine_name import DEMO, machine_name
from gateway.backends.models import ModelList
from gateway.core.errors import Refusal

_NEWEST = 0.2  # the part of the last request in the average
LOADING_PAUSE = 1.0  # seconds between two tries while a server loads its model
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two checks while it does not answer

_log = logging.getLogger("localllm")


class Backend:
    """`slots`: how many requests it may get at once; `in_use`: how many it has now.
    `changed` is called when it goes away, comes back, or is replaced by another server."""

    def __init__(self, base_url: str, timeout: float, slots: int) -> None:
        """`timeout`: seconds without a byte."""
        self.client = BackendClient(Target(base_url), timeout)
        self.client.changed = self._went_up_or_down
        self.models = ModelList(self.client)
        self.loaded = LoadedModels(self.client)
        self.slots = slots
        self.in_use = 0
        self.swaps = 0  # requests for a model that had to be loaded in place of others
        self.last_model = ""  # the model of its last request
        self.emptied = 0  # how often what it had read was lost, with a model or with the server
        self.held: float | None = None  # seconds that requests held their slots lately, on average
        self._loaded_at = 0.0  # when a model was last asked for that was not in memory
        self.changed: Callable[[], None] = lambda: None
        self._watch: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """As its owner reads it."""
        target = self.client.target
        return DEMO if target.listed_only else machine_name(target.base_url)

    def takes(self, model: str) -> None:
        """It is given a request for the model. One that has to be loaded may drive out others."""
        if self.last_model == model:
            return
        if not self.has_in_memory(model):
            self.swaps += bool(self.last_model)
            self.emptied += 1
            self._loaded_at = time.monotonic()
        self.last_model = model

    def note_held(self, seconds: float) -> None:
        """So long a request held its slot; the last ones count most."""
        before = seconds if self.held is None else self.held
        self.held = before + _NEWEST * (seconds - before)

    def has_in_memory(self, model: str) -> bool:
        """Probably: it was given there last, or seen there since another one was loaded."""
        if model == self.last_model:
            return True
        return self.loaded.looked_at > self._loaded_at and self.loaded.has_lately(model)

    @property
    def is_up(self) -> bool:
        """False if the last request could not reach it."""
        return self.client.is_up

    async def post(
        self, path: str, body: bytes, model: str, *, whole: bool, alone: bool, trace: str = ""
    ) -> ModelResponse | Refusal:
        """Send a request for the model. `whole`: the answer comes in one piece. `alone`: nobody
        else can serve it, so it is repeated while the server says that it is still loading ("Sent
        again?" in pool.py)."""
        end = time.monotonic() + LONGEST_LOAD
        while True:
            warm = self.models.foreign or self.loaded.has_lately(model)
            loading = None if warm else lambda: self._is_loading(model)
            response = await self.client.post(path, body, whole=whole, loading=loading, trace=trace)
            if isinstance(response, Refusal) or response.status != 503 or not alone:
                return response
            if not await says_loading(response) or time.monotonic() > end:
                return response
            response.close()
            await asyncio.sleep(LOADING_PAUSE)

    async def _is_loading(self, model: str) -> bool:
        """Whether an Ollama does not have the model in memory yet."""
        told = None if self.models.foreign else await self.loaded.look()
        return told is not None and model not in told

    def point_to(
        self, base_url: str, headers: Mapping[str, str] | None = None, *, listed_only: bool = False
    ) -> None:
        """Send requests to another server from now on. Those in flight end where they began."""
        self.client.point_to(base_url, headers, listed_only=listed_only)
        self.emptied += 1
        self.changed()

    def _went_up_or_down(self) -> None:
        url = self.client.target.base_url
        if self.client.is_up:
            _log.info("the model server at %s answers again", url)
        else:
            _log.warning("the model server at %s does not answer", url)
            self.emptied += 1
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._until_it_is_up())
        self.changed()

    async def _until_it_is_up(self) -> None:
        pause = FIRST_PAUSE
        while not self.client.is_up:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            await self.models.refresh()

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await self.models.close()
        await self.loaded.close()
        self.client.close()


def least_busy(
    backends: tuple[Backend, ...], model: str, reader: Backend | None = None
) -> Backend | None:
    """The backend for a request for the model, or None if it has to wait for a slot.

    One that is down is only chosen if all are. Of equally busy ones, the `reader` is chosen, which
    has read the beginning of the prompt; else one that was last asked for this model, and need not
    load it; else one that was asked for none yet, and drives out no other; else the first.
    """
    best = backends[0]
    if len(backends) > 1:
        best = min(backends, key=lambda backend: _burden(backend, model, reader))
    return best if best.in_use < best.slots else None


def _burden(backend: Backend, model: str, reader: Backend | None) -> tuple[bool, int, int]:
    loads = 0 if backend.last_model == model else 2 if backend.last_model else 1
    return not backend.is_up, backend.in_use, -1 if backend is reader else loads
