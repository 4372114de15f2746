"""Read a JSON request so that what was checked is what is sent.

Ollama (Go) matches keys without regard to case and takes the last duplicate, so a request can say
one thing to a gateway and another to Ollama. Here duplicates are refused at any depth, keys that
fold to a known key are refused, and only the fields that the shape names survive.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NoReturn, TypeVar, cast

import msgspec

from gateway.core import model_names
from gateway.core.errors import Refusal

T = TypeVar("T", bound=msgspec.Struct)


# What a body may hold before it takes so long to read that others wait for it: 0.1 s or so, also in
# a thread, since Python reads a whole object at a stretch.
MOST_NESTS = 100_000
MOST_VALUES = 100_000

# How deep lists and objects may stand in one another. Pythons give up somewhere between 1,000 and
# far beyond 10,000: this is one answer for all of them, and the Supabase function's too.
DEEPEST = 500
EXACT = 2**53  # up to here every whole number is a float
_TOO_DEEP = "The JSON is nested too deeply."

# A pair of escaped surrogates, or one that has no other half.
_SURROGATES = re.compile(
    r"\\u(?:"
    r"([dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_LONGEST_NUMBER = 400  # digits; the largest float has 309


class Refused(ValueError):
    """Why the request is refused: a text, and perhaps the path of what is wrong."""


class _Twice(Exception):
    """Of a key that stands twice in one object."""


def parse(
    body: bytes | bytearray, shape: type[T], tidy: Callable[[dict[str, Any]], None] | None = None
) -> T | Refusal:
    """The request as `shape`, or a refusal that says where it is wrong.

    `tidy`: what is done to the object before it is held to the shape; it may raise `Refused`. A
    request with one is read as Ollama reads it: half a surrogate pair is U+FFFD."""
    nests = body.count(b"[") + body.count(b"{")
    if (nests > MOST_NESTS or body.count(b",") > MOST_VALUES) and _holds_too_much(body):
        return _invalid("The body holds too many values.")
    try:
        text = body.decode("utf-8")
        if tidy is not None and ("\\ud" in text or "\\uD" in text):
            text = _mended(text)
        tree, twice = _read(text)
        if nests > DEEPEST and _is_deep(tree):
            return _invalid(_TOO_DEEP)
        if twice is not None:
            return _invalid(f"The key '{twice}' stands twice in one object.", twice)
        if not isinstance(tree, dict):
            return _invalid("The body should be a JSON object.")
        _refuse_folded(cast(dict[str, Any], tree), _Keys.of(shape), "")
        if tidy is not None:
            tidy(cast(dict[str, Any], tree))
        return msgspec.convert(tree, shape, strict=True)
    except UnicodeDecodeError:
        return _invalid("The body is not valid UTF-8.")
    except Refused as problem:
        return _invalid(*problem.args)
    except msgspec.ValidationError as problem:
        text, _, path = str(problem).partition(" - at `$")
        path = path.partition("[...]")[0]  # below a key of the client's own
        path = path.rstrip("`").lstrip(".")
        return _invalid(f"{text} at {path}." if path else f"{text}.", path)
    except RecursionError:
        return _invalid(_TOO_DEEP)
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        return _invalid(f"The body is not valid JSON: look at {place}.")
    except UnicodeEncodeError:
        return _invalid("The body holds text that is not valid Unicode.")
    except ValueError:  # an integer of thousands of digits
        return _invalid("The body holds a number that is too long.")


def encode(request: object) -> bytes | Refusal:
    """Our own serialisation. Only text that is not Unicode (a lone surrogate) can refuse it."""
    try:
        return msgspec.json.encode(request)
    except UnicodeEncodeError:
        return _invalid("The body holds text that is not valid Unicode.")
    except RecursionError:
        return _invalid(_TOO_DEEP)


def model_name(text: str) -> str | Refusal:
    """The canonical name of the model that a request names."""
    try:
        return model_names.requested_name(text)
    except ValueError as problem:
        return _invalid(f"{problem}.", "model")


def _holds_too_much(body: bytes | bytearray) -> bool:
    """Whether the signs stand outside of texts. A text may hold any number of them."""
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if bare.count(b'"') > 4 * (MOST_VALUES + MOST_NESTS):  # more texts than as many values have
        return True
    outside = b"".join(bare.split(b'"')[::2])
    nests = outside.count(b"[") + outside.count(b"{")
    return nests > MOST_NESTS or outside.count(b",") > MOST_VALUES


def _mended(text: str) -> str:
    """With U+FFFD for each surrogate that has no other half."""
    parts: list[str] = []
    end = 0
    for found in _SURROGATES.finditer(text):
        start = found.start()
        if _is_escaped(text, start):
            if not found[1]:
                continue
            start += 6  # only the first of the two was text: the second stands alone
        elif found[1]:
            continue
        parts += [text[end:start], "\\ufffd"]
        end = found.end()
    return "".join([*parts, text[end:]])


def _is_escaped(text: str, at: int) -> bool:
    """Whether the backslash there is itself escaped: an odd number of them stands before it."""
    size = 16
    while True:
        before = text[max(0, at - size) : at]
        bare = before.rstrip("\\")
        if bare or size >= at:
            return (len(before) - len(bare)) % 2 == 1
        size *= 4


def _invalid(detail: str, path: str = "") -> Refusal:
    return Refusal("invalid_request", detail, param=path or None)


def _read(text: str) -> tuple[Any, str | None]:
    """What the JSON says, and the first key that stands twice in it, inner objects first. What is
    no JSON behind that key is refused for that."""
    try:
        return _read_once(text), None
    except _Twice as problem:
        return _read_any(text), problem.args[0][:80]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Twice(key)
            seen.add(key)
    return result


def _is_deep(tree: Any) -> bool:
    """Whether more than DEEPEST lists and objects stand in one another."""
    level: list[Any] = [[tree]]
    for _ in range(DEEPEST + 1):
        level = [item for one in level for item in _items(one) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(one: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return one.values() if isinstance(one, dict) else one


def _not_json(text: str) -> NoReturn:
    raise Refused(f"{text} is not JSON.")


def _number(text: str) -> float | int:
    """1.0 and 1e2 are whole numbers: to most readers of JSON they are 1 and 100. Beyond EXACT a
    float no longer says which whole number was meant, so it stays one."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Refused(f"The number {text[:40]} is too large.")
    return int(value) if value.is_integer() and abs(value) <= EXACT else value


def _whole(text: str) -> int:
    """Python would read some thousand digits, but each takes longer than the one before."""
    if len(text) > _LONGEST_NUMBER:
        raise Refused("The body holds a number that is too long.")
    return int(text)


# Made once: to make one takes as long as to read a small body.
_read_any = json.JSONDecoder(parse_constant=_not_json, parse_float=_number, parse_int=_whole).decode
_read_once = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_not_json, parse_float=_number, parse_int=_whole
).decode


class _Keys:
    """The keys that a struct type knows, and the types below them; made once for each type."""

    _made: ClassVar[dict[type, "_Keys"]] = {}

    def __init__(self, shape: type[msgspec.Struct]) -> None:
        self._made[shape] = self
        info = cast(msgspec.inspect.StructType, msgspec.inspect.type_info(shape))
        self.below = {field.encode_name: _struct_in(field.type) for field in info.fields}
        self.folded = {name.casefold() for name in self.below}

    @classmethod
    def of(cls, shape: type[msgspec.Struct]) -> "_Keys":
        return cls._made.get(shape) or cls(shape)


def _struct_in(info: msgspec.inspect.Type) -> _Keys | None:
    """The struct that a field holds, directly, in a list, or as one choice of a union."""
    if isinstance(info, msgspec.inspect.StructType):
        return _Keys.of(info.cls)
    if isinstance(info, msgspec.inspect.Metadata):  # a description stands around the type
        return _struct_in(info.type)
    if isinstance(info, msgspec.inspect.ListType):
        return _struct_in(info.item_type)
    if isinstance(info, msgspec.inspect.UnionType):
        return next((found for one in info.types if (found := _struct_in(one))), None)
    return None


def _refuse_folded(tree: dict[str, Any], keys: _Keys, path: str) -> None:
    for key, value in tree.items():
        if key not in keys.below:
            if key.casefold() in keys.folded:
                where = path + key[:80]
                raise Refused(f"The key '{where}' differs from a known one in case only.", where)
            continue
        below = keys.below[key]
        if below is None:
            continue
        for item in cast(list[Any], value) if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                _refuse_folded(cast(dict[str, Any], item), below, f"{path}{key}.")
