"""The models of all machines as the owner sees them, and loading them or letting go of them."""

import asyncio
from typing import Any

import msgspec
from msgspec import UNSET

from gateway.admin.models import ModelOfMachine
from gateway.backends.backend import Backend
from gateway.backends.keeping import ask_to_keep
from gateway.backends.ollama_shapes import InstalledModel, InstalledModels
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.core.alias_names import real_name
from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.core.model_names import canonical_name, is_cloud, requested_name
from gateway.overview.machines import loaded


class Models:
    def __init__(self, settings: Settings, pool: BackendPool) -> None:
        self._pool = pool
        self._aliases = settings.model_aliases
        self._preload = {canonical_name(name) for name in settings.preload_models}

    async def read(self) -> list[dict[str, Any]]:
        """Each as `OwnersModel` of the reference, by name. A machine that does not answer is left
        out: the status tells of it."""
        backends = self._pool.backends
        await asyncio.gather(*(one.models.refresh() for one in backends))
        listed = await asyncio.gather(*(_listed(one) for one in backends))
        rows: dict[str, dict[str, Any]] = {}
        for backend, models in zip(backends, listed, strict=True):
            in_memory = loaded(backend)
            for model in models:
                name = _name(model)
                row = rows.setdefault(name, self._row(name, model))
                row["backends"].append(backend.name)
                if name in in_memory:
                    row["loaded"].append({"backend": backend.name, **in_memory[name]})
        return [rows[name] for name in sorted(rows)]

    async def keep(self, asked: ModelOfMachine, keep_alive: int | None) -> dict[str, Any] | Refusal:
        """Load it, or let go of it where `keep_alive` is 0; then what `read` says of it."""
        try:
            spelling = real_name(self._aliases, asked.model)
            name = requested_name(spelling)
        except ValueError as problem:
            return Refusal("invalid_request", f"{problem}.", param="model")
        able = await self._able(name, spelling, asked.backend)
        if isinstance(able, Refusal):
            return able
        done = await asyncio.gather(
            *(ask_to_keep(backend, model, name, keep_alive) for backend, model in able)
        )
        for problem in done:
            if problem is not None:
                return problem
        rows = await self.read()
        found = next((row for row in rows if row["model"] == name), None)
        return found or Refusal("unknown_model", model=name, param="model")

    async def _able(
        self, name: str, spelling: str, machine: str | None
    ) -> list[tuple[Backend, str]] | Refusal:
        """The Ollamas that have it, and what they call it."""
        among = [one for one in self._pool.backends if machine in {None, one.name}]
        if not among:
            return Refusal("not_found", "There is no machine of this name.", param="backend")
        if self._pool.demo and self._pool.backends[0] in among:
            return self._pool.no_ollama()
        candidates = await self._pool.candidates(
            name, cloud=is_cloud(spelling), native=True, among=among
        )
        if isinstance(candidates, Refusal):
            return candidates
        able = [(one.backend, one.model.id) for one in candidates if one.model]
        return able or Refusal("unknown_model", model=name, param="model")

    def _row(self, name: str, model: InstalledModel) -> dict[str, Any]:
        details = None if model.details is UNSET else model.details
        return {
            "model": name,
            "size": _given(model.size),
            "family": _given(details.family) if details else None,
            "parameters": _given(details.parameter_size) if details else None,
            "quantization": _given(details.quantization_level) if details else None,
            "modified_at": _given(model.modified_at),
            "backends": [],
            "loaded": [],
            "preload": name in self._preload,
        }


class _Listed(msgspec.Struct):
    id: str


class _List(msgspec.Struct):
    data: list[_Listed]


async def _listed(backend: Backend) -> list[InstalledModel]:
    """What a machine has, less what nobody can ask for."""
    if backend.models.foreign or backend.client.target.listed_only:
        answer = await backend.client.read("GET", "/v1/models")
        told = decode(answer, _List) if isinstance(answer, bytes) else None
        models = [InstalledModel(one.id) for one in told.data] if told else []
    else:
        answer, _ = await asyncio.gather(
            backend.client.read("GET", "/api/tags"), backend.loaded.look()
        )
        listed = decode(answer, InstalledModels) if isinstance(answer, bytes) else None
        models = listed.models if listed else []
    return [model for model in models if _name(model)]


def _name(model: InstalledModel) -> str:
    """The canonical name; empty: nobody can ask for it."""
    try:
        return requested_name(model.name)
    except ValueError:
        return ""


def _given(value: Any) -> Any:
    return None if value is UNSET else value
