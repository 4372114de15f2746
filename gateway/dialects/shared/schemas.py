"""How large a JSON schema may be that a model server has to follow.

llama.cpp makes a grammar of it and tries every token of the vocabulary against each way on through
the grammar: 3,000 optional properties keep it busy for minutes, also after the client has left, and
before it has produced a token that could be charged. The limits leave room for what programs send:
a coding agent with a hundred tools has some thousand properties in all.
"""

from collections.abc import Iterable
from typing import Any, Final, cast

from gateway.core.errors import Refusal
from gateway.dialects.shared import strict_json

MOST_BYTES: Final = 256 * 1024  # of one schema
DEEPEST: Final = 64  # objects and lists in one another; five levels of properties are ten
MOST_OPTIONAL: Final = 256  # properties of one object that may be left out
MOST_PROPERTIES: Final = 2_000  # of one schema
MOST_VALUES: Final = 1_000  # entries of enum and the like: texts, which cost little
MOST_CHOICES: Final = 256  # of anyOf and the like: schemas, all tried for each token
MOST_REPEATS: Final = 100_000  # maxLength, minItems and the like: each becomes as many rules
MOST_OF_ALL_TOOLS: Final = 20_000  # properties

_LISTS = {
    **dict.fromkeys(("enum", "type", "prefixItems"), MOST_VALUES),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), MOST_CHOICES),
}
_REPEATS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")

Schema = dict[str, Any]


class _TooLarge(Exception):
    """The text says what is too much."""


def refusal(
    output: Schema | None, path: str, tools: Iterable[Schema | None] = ()
) -> Refusal | None:
    """Why the schema of the answer, at `path` of the request, or one of those of the `tools` is not
    passed on. What a model fills in for a tool may be as long as it likes: few servers bound it."""
    where, properties = path, 0
    try:
        if output:
            _Walk().through(output)
        where = "tools"
        for schema in tools:
            if schema:
                walk = _Walk(repeats=False)
                walk.through(schema)
                properties += walk.properties
        if properties > MOST_OF_ALL_TOOLS:
            raise _TooLarge(f"more than {MOST_OF_ALL_TOOLS} properties in all tools")
    except _TooLarge as problem:
        text = f"The JSON schema in '{where}' has {problem}: the model could not follow it in time."
        return Refusal("invalid_request", text, param=where)
    return None


class _Walk:
    """Of one schema. Any object in it is taken for a schema: what only looks like one, such as an
    example, may be as large."""

    def __init__(self, *, repeats: bool = True) -> None:
        self.properties = 0
        self._repeats = repeats

    def through(self, schema: Schema) -> None:
        size = strict_json.encode(schema)
        if not isinstance(size, Refusal) and len(size) > MOST_BYTES:
            raise _TooLarge(f"more than {MOST_BYTES} bytes")
        level: list[Any] = [schema]
        for _ in range(DEEPEST):
            level = [below for one in level for below in self._below(one)]
            if not level:
                return
        raise _TooLarge(f"more than {DEEPEST} levels")

    def _below(self, one: Any) -> list[Any]:
        """The objects and lists directly in it."""
        if isinstance(one, dict):
            if "properties" in one:
                self._look_at(cast(Schema, one))
            if self._repeats:
                _look_at_answer(cast(Schema, one))
            one = cast(Schema, one).values()
        return [value for value in one if isinstance(value, dict | list)]

    def _look_at(self, schema: Schema) -> None:
        properties: Any = schema["properties"]
        if not isinstance(properties, dict):
            return
        names = cast(Schema, properties)
        self.properties += len(names)
        if self.properties > MOST_PROPERTIES:
            raise _TooLarge(f"more than {MOST_PROPERTIES} properties")
        if len(names) > MOST_OPTIONAL and _optional(names, schema) > MOST_OPTIONAL:
            raise _TooLarge(f"an object with more than {MOST_OPTIONAL} optional properties")


def _optional(names: Schema, schema: Schema) -> int:
    required: Any = schema.get("required")
    if not isinstance(required, list):
        return len(names)
    needed = {name for name in cast(list[Any], required) if isinstance(name, str)}
    return len(names.keys() - needed)


def _look_at_answer(schema: Schema) -> None:
    """What matters only where every token of the answer has to fit."""
    for name, most in _LISTS.items():
        value: Any = schema.get(name)
        if isinstance(value, list) and len(cast(list[Any], value)) > most:
            raise _TooLarge(f"more than {most} entries in {name}")
    for name in _REPEATS:
        value = schema.get(name)
        if isinstance(value, int | float) and value > MOST_REPEATS:
            raise _TooLarge(f"a {name} above {MOST_REPEATS}")
