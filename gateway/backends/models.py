"""The models of one backend: kept fresh in the background, so that requests rarely wait."""

import asyncio
import contextlib
import time
from typing import Any

import msgspec

from gateway.backends.client import BackendClient
from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.core.model_names import canonical_name
from gateway.dialects.shared.prompt import MESSAGE_OVERHEAD

FRESH = 30.0  # seconds before a look-up also asks anew
_UNTOLD = Refusal(
    "upstream_busy", "The model server does not say which models it has.", retry_after_ms=2000
)
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
    """Fields of unexpected types are accepted: if a model were skipped for one, it would not be
    known that it runs in the cloud."""

    name: str
    digest: Any = ""
    remote_host: Any = ""
    remote_model: Any = ""
    details: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def context_length(self) -> int | None:
        details = decode(self.details, _Details)
        return details.context_length if details else None


class _Tags(msgspec.Struct):
    models: list[_Tag] | None  # Go writes an empty list as null


class _Meta(msgspec.Struct):
    n_ctx: int | None = None


class _Listed(msgspec.Struct):
    id: str
    meta: _Meta | None = None


class _List(msgspec.Struct):
    data: list[_Listed]


class _Message(msgspec.Struct):
    role: str = ""
    content: str = ""


class _Show(msgspec.Struct):
    system: str = ""
    messages: list[_Message] | None = None

    @property
    def size(self) -> int:
        """The bytes of the texts, plus what a template adds to each message."""
        said = sum(len((one.role + one.content).encode()) for one in self.messages or ())
        return len(self.system.encode()) + said + MESSAGE_OVERHEAD * len(self.messages or ())


class ModelList:
    """Models by canonical name. `known` is False while the model server has not told; `foreign`:
    it tells as OpenAI does, not as Ollama."""

    def __init__(self, client: BackendClient) -> None:
        self._client = client
        self._models: dict[str, Model] = {}
        self._systems: dict[str, int] = {}  # by digest
        self._asked = 0.0
        self._source: object = None
        self._task: asyncio.Task[None] | None = None
        self._sure = True  # the last look said what there is
        self._failing: Refusal | None = None  # while it has never told: why
        self.known = False
        self.foreign = False

    async def find(self, name: str) -> Model | Refusal | None:
        """The model, or None if it is not installed (or, while not `known`, perhaps is). A refusal:
        the model server does not tell which models run elsewhere."""
        unasked = not self._is_current() or not self._sure
        missing = self.known and name not in self._models
        if not unasked and not (missing and time.monotonic() - self._asked > RETRY):
            return self.told(name)
        await asyncio.shield(self.refresh())
        while not self._is_current():  # that was the answer of the server before
            await asyncio.shield(self.refresh())
        return self._said(name)

    def told(self, name: str) -> Model | Refusal | None:
        """The same as far as it is known now, without waiting; what is old is asked anew."""
        if not self._is_current():
            self.refresh()
            return None
        if time.monotonic() - self._asked > (FRESH if self.known else RETRY):
            self.refresh()
        return self._said(name)

    def _said(self, name: str) -> Model | Refusal | None:
        return self._failing or self._models.get(name)

    def _is_current(self) -> bool:
        """Whether it was told by the model server that requests go to now."""
        return self._source is self._client.target

    def refresh(self) -> asyncio.Task[None]:
        """Ask the model server, unless that is under way."""
        if self._task is None or self._task.done():
            self._asked = time.monotonic()
            self._task = asyncio.create_task(self._read())
        return self._task

    async def close(self) -> None:
        """Give up asking, if that is under way: it would open a connection that nobody closes."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _read(self) -> None:
        source = self._client.target
        told = await self._read_ollama()
        ollama = told is not None
        if not ollama:  # its models are where OpenAI's are
            told = await self._read_openai()
        self.foreign = not ollama and told is not None
        same = source is self._source
        self._source = source
        if isinstance(told, Refusal) and self.known and same:
            return  # what it told last holds until it tells something else
        self._sure = not isinstance(told, Refusal)
        # Also where it seems to be away: it may be back for the request, or only break this answer.
        self._failing = None
        if isinstance(told, Refusal):
            self._failing = told if told.reason == "upstream_unavailable" else _UNTOLD
        self.known = isinstance(told, dict)
        self._models = told if isinstance(told, dict) else {}

    async def _read_ollama(self) -> dict[str, Model] | Refusal | None:
        """None: this is no Ollama."""
        answer = await self._client.read("GET", "/api/tags")
        if isinstance(answer, Refusal):
            return None if answer.reason == "not_found" else answer
        tags = decode(answer, _Tags)
        if tags is None:
            return None
        return _by_name(
            [
                Model(
                    id=tag.name,
                    remote=bool(tag.remote_host or tag.remote_model),
                    context_length=tag.context_length,
                    system_bytes=await self._system_bytes(tag),
                )
                for tag in tags.models or ()
            ]
        )

    async def _system_bytes(self, tag: _Tag) -> int:
        """A Modelfile's SYSTEM and MESSAGE texts are prompt that no client sent, but cost as much:
        Ollama puts them before every chat."""
        if not tag.digest or not isinstance(tag.digest, str):
            return 0
        if tag.digest not in self._systems:
            question = msgspec.json.encode({"model": tag.name})
            answer = await self._client.read("POST", "/api/show", question)
            shown = decode(answer, _Show) if isinstance(answer, bytes) else None
            if shown is None:
                return 0
            self._systems[tag.digest] = shown.size
        return self._systems[tag.digest]

    async def _read_openai(self) -> dict[str, Model] | None:
        answer = await self._client.read("GET", "/v1/models")
        listed = decode(answer, _List) if isinstance(answer, bytes) else None
        if listed is None:
            return None
        return _by_name(
            [
                Model(one.id, context_length=one.meta.n_ctx if one.meta else None)
                for one in listed.data
            ]
        )


def _by_name(models: list[Model]) -> dict[str, Model]:
    """By canonical name; one that nobody can ask for is left out."""
    named: dict[str, Model] = {}
    for model in models:
        with contextlib.suppress(ValueError):
            named[canonical_name(model.id)] = model
    return named
