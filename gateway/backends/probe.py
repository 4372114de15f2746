"""Probe a model server: does it answer, and which models does it have?"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from gateway.backends.client import BackendClient, Target
from gateway.backends.listing import loaded_models, openai_models
from gateway.backends.model import Loaded
from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.core.model_names import is_cloud


class Found(NamedTuple):
    """A model server that answers; `version` is empty where it is not Ollama.

    `cloud`: those of the models that run in Ollama's cloud. `cloud_is_on`: whether it says so.
    `loaded`: the models in memory.
    """

    version: str
    models: list[str]
    cloud: tuple[str, ...] = ()
    cloud_is_on: bool = False
    loaded: Mapping[str, Loaded] = {}

    def choose(self, wanted: str) -> str | None:
        """A model to try: the default one if it is installed, else any local one."""
        names = {name.removesuffix(":latest"): name for name in self.models}
        if wanted.removesuffix(":latest") in names:
            return wanted
        local = [name for name in self.models if not is_cloud(name) and "embed" not in name]
        return local[0] if local else None


class _Version(msgspec.Struct):
    version: str = ""


class _Tag(msgspec.Struct):
    name: str
    remote_host: str | None = None  # where it runs, whatever its name is

    @property
    def is_cloud(self) -> bool:
        return bool(self.remote_host) or is_cloud(self.name)


class _Tags(msgspec.Struct):
    models: list[_Tag] = []


class _Cloud(msgspec.Struct):
    disabled: bool = True


class _Status(msgspec.Struct):
    cloud: _Cloud = msgspec.field(default_factory=_Cloud)


def choose(found: dict[str, Found], wanted: str) -> tuple[str, str | None]:
    """The same of all that answer, and where: the default model wherever it is, else the first."""
    chosen = {url: one.choose(wanted) for url, one in found.items()}
    for url, model in chosen.items():
        if model == wanted:
            return url, model
    return next(((url, model) for url, model in chosen.items() if model), (next(iter(found)), None))


async def look_at_all(base_urls: Sequence[str]) -> dict[str, Found]:
    """Those that answer, by their address, in order."""
    found = await asyncio.gather(*(look(url) for url in base_urls))
    return {url: one for url, one in zip(base_urls, found, strict=True) if one is not None}


async def look(base_url: str) -> Found | None:
    """What answers at `base_url` within a few seconds, or None."""
    client = BackendClient(Target(base_url), timeout=5.0)
    try:
        answer = await client.read("GET", "/api/version")
        if isinstance(answer, Refusal):
            silent = answer.reason in {"upstream_unavailable", "upstream_timeout"}
            return None if silent else Found("", await _listed(client))
        tags, status, loaded = await asyncio.gather(
            client.read("GET", "/api/tags"),
            client.read("GET", "/api/status"),
            loaded_models(client),
        )
        told = decode(answer, _Version) or _Version()
        names = [tag.name for tag in _tags(tags)]
        cloud = tuple(tag.name for tag in _tags(tags) if tag.is_cloud)
        return Found(told.version, names, cloud, _cloud_is_on(status), loaded or {})
    finally:
        client.close()


async def _listed(client: BackendClient) -> list[str]:
    """The ids of a server that is no Ollama, as it spells them."""
    models = await openai_models(client)
    return [model.id for model in models.values()] if isinstance(models, dict) else []


def _tags(answer: bytes | Refusal) -> list[_Tag]:
    known = decode(answer, _Tags) if isinstance(answer, bytes) else None
    return known.models if known else []


def _cloud_is_on(answer: bytes | Refusal) -> bool:
    """False also where it does not say: older ones have no such route."""
    status = decode(answer, _Status) if isinstance(answer, bytes) else None
    return status is not None and not status.cloud.disabled
