"""What is known of the installed models, kept fresh without making requests wait for it."""

import asyncio
import contextlib
import time

import msgspec

from gateway.names import canonical_name
from gateway.upstream import Upstream

FRESH = 30.0  # seconds before a look-up also asks anew
RETRY = 1.0  # seconds between two looks for a model that was not there


class Model(msgspec.Struct, frozen=True):
    """`context_length` in tokens and `system_bytes` of a built-in prompt; None and 0: unknown."""

    id: str
    remote: bool = False
    context_length: int | None = None
    system_bytes: int = 0


class _Details(msgspec.Struct):
    context_length: int | None = None


class _Tag(msgspec.Struct):
    name: str
    digest: str = ""
    remote_host: str = ""
    remote_model: str = ""
    details: _Details | None = None


class _Tags(msgspec.Struct):
    models: list[_Tag]


class _Meta(msgspec.Struct):
    n_ctx: int | None = None


class _Listed(msgspec.Struct):
    id: str
    meta: _Meta | None = None


class _List(msgspec.Struct):
    data: list[_Listed]


class _Show(msgspec.Struct):
    system: str = ""


class Catalogue:
    """Models by canonical name. `known` is False while the model server has not told."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._models: dict[str, Model] = {}
        self._systems: dict[str, int] = {}  # by digest
        self._asked = 0.0
        self._source: object = None
        self._task: asyncio.Task[None] | None = None
        self.known = False

    async def find(self, name: str) -> Model | None:
        """The model, or None if it is not installed (or, while not `known`, perhaps is)."""
        unasked = self._source is not self._upstream.target
        age = time.monotonic() - self._asked
        if unasked or (self.known and name not in self._models and age > RETRY):
            await asyncio.shield(self.refresh())
        elif age > (FRESH if self.known else RETRY):
            self.refresh()
        return self._models.get(name)

    def refresh(self) -> asyncio.Task[None]:
        """Ask the model server, unless that is under way."""
        if self._task is None or self._task.done():
            self._asked = time.monotonic()
            self._task = asyncio.create_task(self._read())
        return self._task

    async def _read(self) -> None:
        source = self._upstream.target
        models = await self._read_ollama()
        if models is None:
            models = await self._read_openai()
        self.known = models is not None
        self._models = models or {}
        self._source = source

    async def _read_ollama(self) -> dict[str, Model] | None:
        answer = await self._upstream.read("GET", "/api/tags")
        if not isinstance(answer, bytes):
            return None
        try:
            tags = msgspec.json.decode(answer, type=_Tags).models
        except msgspec.DecodeError:
            return None
        return _by_name(
            [
                Model(
                    id=tag.name,
                    remote=bool(tag.remote_host or tag.remote_model),
                    context_length=tag.details.context_length if tag.details else None,
                    system_bytes=await self._system_bytes(tag),
                )
                for tag in tags
            ]
        )

    async def _system_bytes(self, tag: _Tag) -> int:
        """A Modelfile's SYSTEM text is prompt that the client never sent, but it costs as much."""
        if not tag.digest:
            return 0
        if tag.digest not in self._systems:
            question = msgspec.json.encode({"model": tag.name})
            answer = await self._upstream.read("POST", "/api/show", question)
            if not isinstance(answer, bytes):
                return 0
            try:
                shown = msgspec.json.decode(answer, type=_Show)
            except msgspec.DecodeError:
                return 0
            self._systems[tag.digest] = len(shown.system.encode())
        return self._systems[tag.digest]

    async def _read_openai(self) -> dict[str, Model] | None:
        answer = await self._upstream.read("GET", "/v1/models")
        if not isinstance(answer, bytes):
            return None
        try:
            listed = msgspec.json.decode(answer, type=_List).data
        except msgspec.DecodeError:
            return None
        return _by_name(
            [Model(one.id, context_length=one.meta.n_ctx if one.meta else None) for one in listed]
        )


def _by_name(models: list[Model]) -> dict[str, Model]:
    """By canonical name; one that nobody can ask for is left out."""
    named: dict[str, Model] = {}
    for model in models:
        with contextlib.suppress(ValueError):
            named[canonical_name(model.id)] = model
    return named
