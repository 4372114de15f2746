"""A preset: a model with a prompt of the owner's. What callers fill in are values, never text of a
template and never a role."""

import re
from typing import Annotated, Any, NamedTuple, cast

from msgspec import Meta, Struct

from gateway.core.model_names import PRESET
from gateway.dialects.shared.strict_json import Refused

_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
# What models take for the border of a message, or the beginning of a role. Broken up by a space it
# is text like any other.
_MARKS = re.compile(
    r"<[|｜]|[|｜]>|<</?SYS>>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_\w+|THINK)\]"
    r"|</?(?:s|bos|eos|pad|unk|sep|cls|mask|start_of_\w+|end_of_\w+|think|tool_\w+|function\w*)>",
    re.IGNORECASE,
)


class Parameters(Struct, frozen=True):
    """What a preset says of the answer; it wins over what callers say."""

    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    min_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: list[str] | None = None
    think: bool | None = None
    format: str | dict[str, Any] | None = None  # "json", or a JSON schema

    def given(self, *names: str) -> dict[str, Any]:
        """Those of the names that it has."""
        return {name: one for name in names if (one := getattr(self, name)) is not None}


class Variable(Struct, frozen=True):
    """In the words of JSON Schema: a text, a number, or one of some texts."""

    type: str = "string"
    maxLength: int = 0
    minimum: float = 0
    maximum: float = 0
    enum: list[str] | None = None


class Preset(Struct, frozen=True):
    name: Annotated[str, Meta(min_length=1)]
    version: int
    model: str  # as the owner wrote it
    system: str
    revision: str
    created_at: str
    updated_at: str
    parameters: Parameters = Parameters()
    template: str | None = None
    variables: dict[str, Variable] = {}
    locked: bool = False

    @property
    def called(self) -> str:
        """The name of the model that callers ask for."""
        return PRESET + self.name

    def message(self, values: dict[str, Any]) -> str | None:
        """The user's message; None: the preset makes none. Values that are not those of the
        variables raise `Refused`."""
        for name in values:
            if name not in self.variables:
                raise Refused(f"The preset has no variable '{name[:80]}'.", _path(name))
        texts = {name: self._text(name, one, values) for name, one in self.variables.items()}
        if self.template is not None:
            # In one pass, so that a value that looks like a place stays what it is.
            return _PLACE.sub(lambda found: texts.get(found[1], found[0]), self.template)
        return "\n".join(f"{name}: {texts[name]}" for name in sorted(texts)) or None

    def _text(self, name: str, variable: Variable, values: dict[str, Any]) -> str:
        if name not in values:
            raise Refused(f"The variable '{name}' is missing.", _path(name))
        value = values[name]
        if isinstance(value, dict):  # OpenAI's own form of a text
            value = cast(dict[str, Any], value).get("text")
        if variable.enum is not None:
            if value not in variable.enum:
                raise Refused(f"The variable '{name}' should be one of its choices.", _path(name))
            return without_marks(value)
        if variable.type == "string":
            if not isinstance(value, str) or len(value) > variable.maxLength:
                raise Refused(
                    f"The variable '{name}' should be a text of at most {variable.maxLength} "
                    "characters.",
                    _path(name),
                )
            return without_marks(value)
        return _number(name, variable, value)


class Chosen(NamedTuple):
    """The preset that a request names, and how."""

    preset: Preset
    spelling: str


def without_marks(text: str) -> str:
    """With a space in whatever could be taken for the border of a message."""
    return _MARKS.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def unmarked(value: Any) -> Any:
    """The same of all texts in a tree of JSON."""
    if isinstance(value, str):
        return without_marks(value)
    if isinstance(value, list):
        return [unmarked(one) for one in cast(list[Any], value)]
    if isinstance(value, dict):
        return {name: unmarked(one) for name, one in cast(dict[str, Any], value).items()}
    return value


def _number(name: str, variable: Variable, value: Any) -> str:
    """Numbers are numbers, however written: some clients know only texts."""
    number: Any = value
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,16}(\.\d{1,16})?", value, re.ASCII):
        number = float(value) if "." in value else int(value)
    fits = isinstance(number, int | float) and not isinstance(number, bool)
    fits = fits and variable.minimum <= number <= variable.maximum
    if not fits or (variable.type == "integer" and number % 1):
        kind = "whole number" if variable.type == "integer" else "number"
        least, most = _shown(variable.minimum), _shown(variable.maximum)
        raise Refused(
            f"The variable '{name}' should be a {kind} from {least} to {most}.", _path(name)
        )
    return _shown(number)


def _shown(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def _path(name: str) -> str:
    return f"prompt.variables.{name[:80]}"
