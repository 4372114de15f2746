"""Ask a model server which models it has, and which of them are loaded."""

import asyncio
import contextlib
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.backends.client import BackendClient
from gateway.backends.model import Loaded, Model
from gateway.backends.template import literal_bytes
from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.core.model_names import requested_name
from gateway.dialects.shared.prompt import MESSAGE_OVERHEAD

_AT_ONCE = 8  # models that are asked for at the same time
_LONGEST = 10**9  # tokens of context; no model reads as many
# Lines of a Modelfile's parameters as /api/show tells them: `num_ctx    8192`.
_PARAMETER = re.compile(r"^(num_ctx|num_predict)[ \t]+(\d{1,9})\s*$", re.MULTILINE)


def _length(told: Any) -> int | None:
    """Tokens of a context; None: that can be none."""
    return told if type(told) is int and 0 < told <= _LONGEST else None


class _Details(msgspec.Struct):
    context_length: Any = None


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
        return _length(details.context_length) if details else None


class _Tags(msgspec.Struct):
    models: list[_Tag] | None  # Go writes an empty list as null


class _Meta(msgspec.Struct):
    n_ctx: Any = None


class _Listed(msgspec.Struct):
    """llama.cpp tells the context in `meta`, vLLM and SGLang as `max_model_len`."""

    id: str
    meta: msgspec.Raw = msgspec.Raw(b"null")
    max_model_len: Any = None
    context_length: Any = None

    @property
    def context(self) -> int | None:
        meta = decode(self.meta, _Meta)
        told = (meta.n_ctx if meta else None, self.max_model_len, self.context_length)
        return next(filter(None, map(_length, told)), None)


class _List(msgspec.Struct):
    data: list[msgspec.Raw]


class _Message(msgspec.Struct):
    role: str = ""
    content: str = ""


class Shown(msgspec.Struct):
    """What /api/show tells of a model, as far as requests are concerned."""

    system: str = ""
    messages: list[_Message] | None = None
    parameters: str = ""
    template: str = ""

    def size(self) -> int:
        """The bytes of the built-in texts, plus what a template adds to each message."""
        said = sum(len((one.role + one.content).encode()) for one in self.messages or ())
        return len(self.system.encode()) + said + MESSAGE_OVERHEAD * len(self.messages or ())

    def model(self, tag: _Tag) -> Model:
        set_by_modelfile = {name: int(value) for name, value in _PARAMETER.findall(self.parameters)}
        return Model(
            id=tag.name,
            remote=bool(tag.remote_host or tag.remote_model),
            context_length=tag.context_length,
            system_bytes=self.size(),
            template_bytes=literal_bytes(self.template),
            **set_by_modelfile,
        )


class _Running(Loaded, frozen=True):
    name: str = ""


class _Ps(msgspec.Struct):
    models: list[_Running] | None


async def ollama_models(
    client: BackendClient, shown: dict[str, Shown]
) -> dict[str, Model] | Refusal | None:
    """By canonical name; None: this is no Ollama. `shown` keeps what was told, by digest."""
    answer = await client.read("GET", "/api/tags")
    if isinstance(answer, Refusal):
        return None if answer.reason == "not_found" else answer
    tags = decode(answer, _Tags)
    if tags is None:
        return None
    turn = asyncio.Semaphore(_AT_ONCE)

    async def model(tag: _Tag) -> Model:
        async with turn:
            return (await _shown(client, tag, shown)).model(tag)

    return _by_name(await asyncio.gather(*(model(tag) for tag in tags.models or ())))


async def _shown(client: BackendClient, tag: _Tag, shown: dict[str, Shown]) -> Shown:
    """A Modelfile's SYSTEM and MESSAGE texts are prompt that no client sent, but cost as much:
    Ollama puts them before every chat. Its parameters hold where a request names none."""
    if not tag.digest or not isinstance(tag.digest, str):
        return Shown()
    if tag.digest not in shown:
        body = msgspec.json.encode({"model": tag.name})
        answer = await client.read("POST", "/api/show", body)
        told = decode(answer, Shown) if isinstance(answer, bytes) else None
        if told is None:
            return Shown()
        shown[tag.digest] = told
    return shown[tag.digest]


async def openai_models(client: BackendClient) -> dict[str, Model] | Refusal | None:
    """By canonical name; None: it answers with something else. An entry that is odd hides only
    itself."""
    answer = await client.read("GET", "/v1/models")
    if isinstance(answer, Refusal):
        return answer
    listed = decode(answer, _List)
    if listed is None:
        return None
    entries = [decode(one, _Listed) for one in listed.data]
    return _by_name(Model(one.id, context_length=one.context) for one in entries if one)


async def loaded_models(
    client: BackendClient, *, marks_down: bool = True
) -> dict[str, Loaded] | None:
    """What an Ollama has in memory, by canonical name; None: it does not tell. Of models that share
    their weights it names one."""
    answer = await client.read("GET", "/api/ps", marks_down=marks_down)
    told = decode(answer, _Ps) if isinstance(answer, bytes) else None
    if told is None:
        return None
    named: dict[str, Loaded] = {}
    for one in told.models or ():
        with contextlib.suppress(ValueError):
            named[requested_name(one.name)] = one
    return named


def _by_name(models: Iterable[Model]) -> dict[str, Model]:
    """By canonical name; one that nobody can ask for is left out."""
    named: dict[str, Model] = {}
    for model in models:
        with contextlib.suppress(ValueError):
            named[requested_name(model.id)] = model
    return named
