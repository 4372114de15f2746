"""The `options` of Ollama's own API: an allow-list, each with its bounds.

Ollama takes any number for any of them, and llama.cpp allocates or loops as it is told
(`repeat_last_n` takes four bytes for each). So what is not listed here is left out, and a number is
cut to its bounds, to the whole number that Ollama would make of it where it takes whole ones.
"""

from typing import Annotated, Any, NamedTuple, cast

import msgspec
from msgspec import Meta, Struct

from gateway.dialects.reference import Place
from gateway.dialects.shared.kinds import Json

_INT32 = 2**31 - 1
MOST_REPEATED = 2**16  # tokens that are looked back at; the model's context where that is known
MOST_STOPS = 256

_Whole = Annotated[int, Meta(ge=-_INT32 - 1, le=_INT32)]
_BackTo = Annotated[
    int, Meta(ge=-1, le=MOST_REPEATED, description="-1: all of the context, which is the most.")
]
# `extra`: it changes how the model is loaded, so it needs a scope.
_LOADS = Meta(description="Needs the scope `ollama:native`.", extra={"loads": True})
_LoadWhole = Annotated[_Whole | None, _LOADS]
_LoadFlag = Annotated[bool | None, _LOADS]


class Options(Struct, omit_defaults=True):
    """How the next word is chosen, and how many there may be. A number beyond its bounds is cut to
    them; an option that is not listed is left out."""

    num_predict: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None  # 0 and less: no end
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: Annotated[list[str], Meta(max_length=MOST_STOPS)] | None = None
    temperature: float | None = None
    top_k: Annotated[int, Meta(ge=-1, le=_INT32)] | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    tfs_z: float | None = None
    num_keep: _BackTo | None = None
    repeat_last_n: _BackTo | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    penalize_newline: bool | None = None
    mirostat: Annotated[int, Meta(ge=0, le=2)] | None = None
    mirostat_tau: float | None = None
    mirostat_eta: float | None = None
    # How the model is loaded.
    num_ctx: _LoadWhole = None
    num_batch: _LoadWhole = None
    num_gpu: _LoadWhole = None
    main_gpu: _LoadWhole = None
    num_thread: _LoadWhole = None
    numa: _LoadFlag = None
    use_mmap: _LoadFlag = None
    use_mlock: _LoadFlag = None
    low_vram: _LoadFlag = None
    f16_kv: _LoadFlag = None
    logits_all: _LoadFlag = None
    vocab_only: _LoadFlag = None
    embedding_only: _LoadFlag = None
    draft_num_predict: _LoadWhole = None


class _Option(NamedTuple):
    whole: bool  # a whole number, from `least` to `most`
    least: int
    most: int
    loads: bool
    kind: str  # for readers


def _option(found: msgspec.inspect.Type) -> _Option:
    loads = False
    if isinstance(found, msgspec.inspect.Metadata):
        loads = cast(Any, found).extra == _LOADS.extra
        found = found.type
    assert isinstance(found, msgspec.inspect.UnionType)
    kind = next(one for one in found.types if not isinstance(one, msgspec.inspect.NoneType))
    if isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    if isinstance(kind, msgspec.inspect.IntType):
        return _Option(True, kind.ge or 0, kind.le or 0, loads, "whole number")
    names = {"FloatType": "number", "BoolType": "flag", "ListType": "list of texts"}
    return _Option(False, 0, 0, loads, names[type(kind).__name__])


_FIELDS = cast(msgspec.inspect.StructType, msgspec.inspect.type_info(Options)).fields
TABLE: dict[str, _Option] = {field.name: _option(field.type) for field in _FIELDS}
LOADING = tuple(name for name, option in TABLE.items() if option.loads)


def tidy(options: Json, left: list[str]) -> Json:
    """Those that are known, within their bounds. What is of the wrong type is left to the shape."""
    kept: Json = {}
    for name, value in options.items():
        option = TABLE.get(name)
        if option is None:
            left.append(f"options.{name}")
        elif option.whole and isinstance(value, int | float) and not isinstance(value, bool):
            kept[name] = min(max(int(value), option.least), option.most)
        else:
            kept[name] = value
    return kept


def cut(options: Options, context: int) -> None:
    """Cut to the context of the model, where it is known, what looks back at tokens."""
    for name in ("repeat_last_n", "num_keep"):
        value = getattr(options, name)
        if context and value is not None and value > context:
            setattr(options, name, context)


def place() -> Place:
    """The table for readers."""
    return Place(
        "What becomes of `options`",
        tuple((name, *_told(one)) for name, one in TABLE.items()) + _OTHERS,
    )


_OTHERS = (("any other", "left out", ""),)
_WIDE = 2**31


def _told(option: _Option) -> tuple[str, str]:
    fate = "left out without the scope `ollama:native`" if option.loads else "kept"
    if not option.whole or abs(option.most) > _WIDE or option.least < -_WIDE:
        return fate, f"A {option.kind}."
    return fate, f"A {option.kind}, cut to {option.least:,} … {option.most:,}."


def checked(request: Json, left: list[str]) -> None:
    """The options of a request, if it has some."""
    options: Any = request.get("options")
    if isinstance(options, dict):
        request["options"] = tidy(cast(Json, options), left)
