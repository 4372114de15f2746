"""What a request may hold that asks for a preset: what the caller says as user and assistant, and
nothing that could say otherwise what the model is told."""

from collections.abc import Collection, Iterable
from typing import Any, cast

from msgspec import Struct

from gateway.dialects.shared.kinds import Json, objects
from gateway.dialects.shared.preset import Preset, unmarked
from gateway.dialects.shared.strict_json import Refused

EMPTY: tuple[Any, ...] = (None, "", [], {}, False)
_ROLES = ("user", "assistant")


def admit(
    request: Json,
    preset: Preset,
    left: list[str],
    *,
    shape: type[Struct],
    kept: Iterable[str],
    refused: Iterable[str],
    locked: Iterable[str] = (),
    prompts: Iterable[str] = (),
) -> None:
    """Refuse the fields `refused`, and leave out all but those `kept`; of a locked preset, all but
    those `locked`, and the `prompts` are refused. Raises `Refused`."""
    for name in refused:
        if request.get(name) not in EMPTY:
            raise Refused(
                f"'{name}' is refused with a preset: its owner has set what the model is told.",
                name,
            )
    if preset.locked and not locked:
        raise Refused(_only_variables(preset), "model")
    if preset.locked:
        for name in prompts:
            if request.get(name) not in EMPTY:
                raise Refused(_only_variables(preset), name)
    kept = set(locked if preset.locked else kept)
    for name in [one for one in request if one not in kept]:
        value = request.pop(name)
        if name in shape.__struct_encode_fields__ and value not in EMPTY:
            left.append(name)


def variables_message(request: Json, preset: Preset, *, others: bool) -> str | None:
    """The message that the variables in `prompt` make, which is taken out; None: there is none.
    `others`: the caller has messages of its own."""
    given: Any = request.pop("prompt", None)
    if given is None:
        if preset.locked:
            raise Refused(_only_variables(preset), "prompt")
        return None
    if not isinstance(given, dict):
        raise Refused("'prompt' should be an object with an id and variables.", "prompt")
    prompt = cast(Json, given)
    version = prompt.get("version")
    if version is not None and str(version) != str(preset.version):
        raise Refused(
            f"The preset '{preset.called}' has another version now: leave 'prompt.version' out.",
            "prompt.version",
        )
    values: Any = prompt.get("variables")
    if values is None and others:
        return None
    if values is not None and not isinstance(values, dict):
        raise Refused("'prompt.variables' should be an object.", "prompt.variables")
    return preset.message(cast(Json, values or {}))


def conversation(request: Json, field: str, kept: Collection[str], none: Iterable[str]) -> None:
    """Messages of users and assistants, with their fields `kept`. One that has a field `none` is
    refused."""
    given: Any = request.get(field)
    if not isinstance(given, list):
        return  # the shape says what is wrong
    for at, message in enumerate(cast(list[Any], given)):
        if not isinstance(message, dict):
            continue
        spoken(cast(Json, message), f"{field}[{at}]", none)
        for name in [one for one in cast(Json, message) if one not in kept]:
            del message[name]
    request[field] = unmarked(given)


def spoken(message: Json, path: str, none: Iterable[str]) -> None:
    """Refuse what no user or assistant says."""
    if message.get("role") not in _ROLES:
        raise Refused(
            "With a preset, messages have the role 'user' or 'assistant': its owner has set "
            "what the model is told.",
            f"{path}.role",
        )
    for name in none:
        if message.get(name) not in EMPTY:
            raise Refused("With a preset there are no tools.", f"{path}.{name}")


def parts_of(message: Json, path: str, field: str, known: Collection[str]) -> None:
    """Refuse parts of other types than those `known`; one that has none is a text."""
    for at, part in enumerate(objects(message.get(field))):
        if part.get("type") is not None and part["type"] not in known:
            raise Refused(
                "With a preset, messages hold texts and pictures.", f"{path}.{field}[{at}].type"
            )


def _only_variables(preset: Preset) -> str:
    shape = f'{{"prompt": {{"id": "{preset.called}", "variables": {{…}}}}}}'
    return (
        f"The preset '{preset.called}' is locked: send only the values of its variables, as "
        f"{shape}, to /v1/chat/completions or /v1/responses."
    )
