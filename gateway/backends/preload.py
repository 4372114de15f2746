"""Have Ollama load the models that the owner wants to be ready, and keep them in memory."""

import asyncio
import logging
from collections.abc import Sequence

from gateway.backends.backend import Backend
from gateway.backends.keeping import ask_to_keep
from gateway.backends.pool import BackendPool
from gateway.core.errors import Refusal
from gateway.core.model_names import canonical_name

PAUSE = 30.0  # seconds between two looks: Ollama may have been started again
_FOR_EVER = -1  # as Ollama's keep_alive
_log = logging.getLogger("localllm")


async def keep_loaded(pool: BackendPool, models: Sequence[str]) -> None:
    """Load them wherever they are installed, again and again if they are no longer in memory."""
    while models:
        for backend in pool.backends:
            try:
                await _load_missing(backend, models)
            except Exception:  # nobody would notice that it ended
                _log.exception("models are not preloaded")
        await asyncio.sleep(PAUSE)


async def _load_missing(backend: Backend, models: Sequence[str]) -> None:
    await backend.models.refresh()
    loaded = None if backend.models.foreign else await backend.loaded.look()
    if loaded is None:  # not an Ollama, or it is away
        return
    for model in models:
        name = canonical_name(model)
        installed = backend.models.told(name)
        if name in loaded or isinstance(installed, Refusal):
            continue
        if installed is None:
            _log.warning("%s is not preloaded: it is not installed", model)
        elif not installed.remote:
            await _load(backend, installed.id, name)


async def _load(backend: Backend, model: str, name: str) -> None:
    problem = await ask_to_keep(backend, model, name, _FOR_EVER)
    if problem is None:
        _log.info("%s is loaded, and stays so", model)
    else:
        _log.warning("%s is not preloaded: %s", model, problem.message)
