"""What somebody who pulls a model asks for, and what is told meanwhile."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from gateway.core import alias_names, model_names
from gateway.core.errors import Refusal
from gateway.dialects.shared import strict_json
from gateway.pulls.progress import Progress

# [namespace/]model[:tag], as the registry has it. Where a third part stood it would be a host, and
# Ollama would call there.
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
REGISTRY_NAME = rf"^(?:[A-Za-z0-9_][A-Za-z0-9_-]*/)?{_PART}(?::{_PART})?$"
_SHAPE = re.compile(REGISTRY_NAME.removesuffix("$") + r"\Z", re.ASCII)


class PullRequest(Struct, forbid_unknown_fields=True):
    """Other fields than these are refused."""

    model: Annotated[
        str,
        Meta(
            description="A name in Ollama's registry, `[namespace/]model[:tag]`, without a host; "
            "or an alias for one.",
            extra_json_schema={"pattern": REGISTRY_NAME},
        ),
    ]
    stream: Annotated[
        bool | None,
        Meta(
            description="true: server-sent events as it goes on; left out: one answer at the end."
        ),
    ] = None


class OllamaPullRequest(Struct):
    """Other fields that Ollama knows, such as `insecure`, have no effect: the models come from its
    registry and no other."""

    model: str = ""
    name: Annotated[str, Meta(description="What older clients send instead of `model`.")] = ""
    stream: Annotated[
        bool | None,
        Meta(description="false: one answer at the end; left out: lines as it goes on."),
    ] = None


class OllamaPullLine(Struct, omit_defaults=True):
    """One line of the stream; the last one has the status `success`. Without a stream it is all."""

    status: Annotated[str, Meta(description="What it is at, in Ollama's words.")]
    digest: Annotated[str, Meta(description="Of the layer that the line is about.")] = ""
    total: Annotated[int, Meta(description="Bytes of that layer.")] = 0
    completed: Annotated[int, Meta(description="Bytes of it that are here.")] = 0


class PullState(Struct):
    """How far it has come. Ollama names one layer after the other, so `total` can grow."""

    object: Literal["model.pull"]
    model: Annotated[str, Meta(description="As it was asked for.")]
    status: Annotated[str, Meta(description="What it is at, in Ollama's words.")]
    completed: Annotated[int, Meta(description="Bytes that are here.")]
    total: Annotated[int, Meta(description="Bytes of the layers that are known so far.")]
    percent: Annotated[float | None, Meta(description="null: no size is known yet.")]
    done: Annotated[bool, Meta(description="true: the model is installed; nothing follows.")]


class Wanted(NamedTuple):
    """`name` is canonical; `sent` is what Ollama is asked for; `shown` is what answers call it."""

    name: str
    sent: str
    shown: str
    stream: bool


def read(
    body: bytes | bytearray, other_names: Mapping[str, str], *, streams: bool = False
) -> Wanted | Refusal:
    """What `/v1/models/pull` is asked for. `other_names`: MODEL_ALIASES, by canonical names;
    `streams`: whether it streams where that is left out."""
    asked = strict_json.parse(body, PullRequest)
    if isinstance(asked, Refusal):
        return asked
    stream = streams if asked.stream is None else asked.stream
    return _wanted(asked.model, stream, other_names)


def read_ollama(body: bytes | bytearray, other_names: Mapping[str, str]) -> Wanted | Refusal:
    """What `/api/pull` is asked for."""
    asked = strict_json.parse(body, OllamaPullRequest)
    if isinstance(asked, Refusal):
        return asked
    return _wanted(asked.model or asked.name, asked.stream is not False, other_names)


def _wanted(shown: str, stream: bool, other_names: Mapping[str, str]) -> Wanted | Refusal:
    for spelling in (shown, real := alias_names.real_name(other_names, shown)):
        if not _SHAPE.match(spelling):
            return _no_registry_name(spelling)
    try:
        name = model_names.canonical_name(real)
    except ValueError:
        return _no_registry_name(real)
    return Wanted(name, _sent(real, name), shown, stream)


def _sent(spelling: str, name: str) -> str:
    """As it is spelled, for the registry may tell `X` from `x`; without what only Ollama reads."""
    plain = spelling.lower()
    return spelling if name in {plain, f"{plain}:latest"} else name


def _no_registry_name(spelling: str) -> Refusal:
    return Refusal(
        "invalid_request",
        f"'{spelling[:80]}' is not a name in Ollama's registry: [namespace/]model[:tag], no host.",
        param="model",
    )


def state(progress: Progress, shown: str, *, done: bool) -> PullState:
    """What is told of it to somebody who calls the model `shown`."""
    percent = progress.completed * 1000 // progress.total / 10 if progress.total else None
    return PullState(
        "model.pull",
        shown,
        progress.status,
        progress.completed,
        progress.total,
        percent,
        done,
    )
