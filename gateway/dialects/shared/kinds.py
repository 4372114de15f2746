"""What becomes of the tools, items and blocks of a request, by their type: one table for each place
where they can stand.

A table names every type of the API's specification, so that readers can look it up (docs/api.md is
made from it); what it does not name is treated as its `other` says. The rule behind all of them: a
client that works with the service whose API it speaks works here. So what this machine cannot run
is left out, with its text kept where it has some. Only what could not be served honestly is
refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from gateway.dialects.reference import Place
from gateway.dialects.shared.strict_json import Refused

Json = dict[str, Any]  # an object of the request, as it was sent
Fate = Literal["kept", "translated", "left out", "refused"]
# What takes the place of a thing: nothing where that comes to nothing. May raise `Refused`.
Make = Callable[[Json], list[Json]]


class Kind(NamedTuple):
    """What becomes of one type. `note` is for readers of the reference; of a refusal, it is what
    the caller is told as well."""

    fate: Fate
    note: str = ""
    make: Make | None = None  # of what is translated


KEPT = Kind("kept")
LEFT_OUT = Kind("left out")


def translated(note: str, make: Make) -> Kind:
    return Kind("translated", note, make)


def refused(note: str) -> Kind:
    return Kind("refused", note)


def left_out(*names: str, note: str = "") -> dict[str, Kind]:
    """Several types that are left out for the same reason."""
    return dict.fromkeys(names, Kind("left out", note))


def _untyped(thing: Json) -> str:
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """The types that can stand in one place. `place` is its name in `x-localllm-ignored`."""

    place: str
    title: str  # of the table in the reference
    known: Mapping[str, Kind]
    other: Kind = LEFT_OUT
    implied: Callable[[Json], str] = _untyped  # the type of a thing that does not say it
    writes_type: bool = False  # where it was implied: some servers need it

    def sift(self, holder: Json, field: str, left: list[str], within: str = "") -> None:
        """Keep, translate and leave out what stands in this field, if it is a list. What is left
        out is named in `left`. `within`: the path of the holder, for a refusal. Raises
        `Refused`."""
        things: Any = holder.get(field)
        if isinstance(things, list) and things:
            known = self.known
            for thing in cast(list[Any], things):  # nearly always all of them are kept
                if not isinstance(thing, dict):
                    continue
                kind: Any = cast(Json, thing).get("type")
                if not isinstance(kind, str) or known.get(kind) is not KEPT:
                    break
            else:
                return
            holder[field] = self.sifted(cast(list[Any], things), left, within + field)

    def sifted(self, things: list[Any], left: list[str], path: str = "") -> list[Any]:
        """The same of a list. What is no object is kept: the shape of the request refuses it."""
        result: list[Any] = []
        for at, thing in enumerate(things):
            if not isinstance(thing, dict):
                result.append(thing)
                continue
            try:
                made = self._made(cast(Json, thing))
            except Refused as problem:
                text, inner = problem.args
                raise Refused(text, f"{path}[{at}].{inner}") from None
            if not made:
                left.append(f"{self.place}.{self._name(cast(Json, thing)) or 'untyped'}")
            result += made
        return result

    def _made(self, thing: Json) -> list[Json]:
        """What takes its place; a refusal names the field of it that is wrong."""
        name = self._name(thing)
        kind = self.known.get(name, self.other)
        if kind.fate == "refused":
            raise Refused(kind.note, "type")
        if kind.fate != "kept":
            return kind.make(thing) if kind.make else []
        if self.writes_type:
            thing["type"] = name
        return [thing]

    def table(self) -> Place:
        """The table for readers."""
        return place_of(self.title, {**self.known, "any other": self.other})

    def _name(self, thing: Json) -> str:
        name: Any = thing.get("type")
        return name if isinstance(name, str) and name else self.implied(thing)


def place_of(title: str, kinds: Mapping[str, Kind]) -> Place:
    return Place(title, tuple((name, kind.fate, kind.note) for name, kind in kinds.items()))


def described(tool: Json) -> list[Json]:
    """The function that a tool of whatever type describes: Ollama takes it all the same."""
    function: Any = tool.get("function")
    return [{"type": "function", "function": function}] if isinstance(function, dict) else []


def objects(value: Any) -> list[Json]:
    """The objects in a list; none where it is no list."""
    if not isinstance(value, list):
        return []
    return [cast(Json, one) for one in cast(list[Any], value) if isinstance(one, dict)]
