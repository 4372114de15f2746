"""Have an Ollama load a model, or let go of it: a request without a prompt does nothing else."""

from typing import Any

import msgspec

from gateway.backends.backend import Backend
from gateway.backends.errors import refusal_from
from gateway.core.errors import Refusal

_PATHS = ("/api/generate", "/api/embed")  # a model that makes vectors knows the second alone


async def ask_to_keep(
    backend: Backend, model: str, name: str, keep_alive: int | None
) -> Refusal | None:
    """Why it was not done, if so. `model` as the server lists it, `name` canonical. `keep_alive`:
    seconds in memory; -1: for ever, 0: none, None: as usual. Returns when it is done."""
    asked: dict[str, Any] = {"model": model, "stream": False}
    if keep_alive is not None:
        asked["keep_alive"] = keep_alive
    body = msgspec.json.encode(asked)
    problem: Refusal | None = None
    for path in _PATHS:
        response = await backend.post(path, body, name, whole=True, alone=False)
        if isinstance(response, Refusal):
            return response
        try:
            if response.status == 200:
                return None
            problem = await refusal_from(response)
        finally:
            response.close()
    return problem
