"""A preset in responses: which input it takes, and where its prompt and parameters go."""

from typing import Any

from gateway.dialects.openai.responses.items import InputItem
from gateway.dialects.openai.responses.request import (
    ReasoningOptions,
    ResponseRequest,
    TextFormat,
    TextOptions,
)
from gateway.dialects.shared.fields import least_cap
from gateway.dialects.shared.kinds import Json, objects
from gateway.dialects.shared.preset import Preset, unmarked
from gateway.dialects.shared.preset_form import PresetForm
from gateway.dialects.shared.preset_request import (
    admit,
    conversation,
    parts_of,
    variables_message,
)
from gateway.dialects.shared.strict_json import Refused

_LOCKED = ("model", "stream", "max_output_tokens")
_KEPT = (*_LOCKED, "input", "temperature", "top_p", "text", "reasoning", "top_k", "min_p")
_PARTS = ("input_text", "output_text", "text", "refusal", "input_image", "input_file")
_DIRECT = ("temperature", "top_p", "min_p", "top_k")


def _admit(request: Json, preset: Preset, left: list[str]) -> str | None:
    others = bool(request.get("input"))
    message = variables_message(request, preset, others=others and not preset.locked)
    admit(
        *(request, preset, left),
        shape=ResponseRequest,
        kept=_KEPT,
        refused=("instructions", "tools", "previous_response_id", "conversation"),
        locked=_LOCKED,
        prompts=("input",),
    )
    if isinstance(request.get("input"), list):
        _admit_items(request, left)
    else:
        request["input"] = unmarked(request.get("input"))
    return message


def _admit_items(request: Json, left: list[str]) -> None:
    items = objects(request["input"])
    # What a model thought before, which clients send back with its messages, is not needed.
    kept = [one for one in items if one.get("type") != "reasoning"]
    if len(kept) < len(items):
        left.append("input.reasoning")
    request["input"] = kept
    for at, one in enumerate(kept):
        if one.get("type") not in (None, "message"):
            raise Refused("With a preset, the input is messages.", f"input[{at}].type")
    conversation(request, "input", ("type", "role", "content"), ())
    for at, one in enumerate(objects(request["input"])):
        parts_of(one, f"input[{at}]", "content", _PARTS)


def _place(request: ResponseRequest, preset: Preset, message: str | None) -> Any:
    told = preset.parameters
    if message is not None:
        given = request.input
        said = [InputItem(role="user", content=given)] if isinstance(given, str) and given else []
        items = given if isinstance(given, list) else said
        request.input = [InputItem(type="message", role="user", content=message), *items]
    if request.input:  # without one the model is only loaded
        request.instructions = preset.system or None
    for name, value in told.given(*_DIRECT).items():
        setattr(request, name, value)
    if told.think is not None:
        request.reasoning = ReasoningOptions(effort="medium" if told.think else "none")
    if isinstance(told.format, dict):
        form = TextFormat("json_schema", name="preset", schema=told.format)
        request.text = TextOptions(form)
    elif told.format is not None:
        request.text = TextOptions(TextFormat("json_object"))
    request.max_output_tokens = least_cap(request.max_output_tokens, told.max_output_tokens)
    return request


PRESETS = PresetForm(admit=_admit, place=_place, takes_variables=True)
