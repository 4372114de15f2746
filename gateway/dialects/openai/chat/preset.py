"""A preset in chat: which messages it takes, and where its prompt and parameters go."""

from typing import Any

from gateway.dialects.openai.chat.request import ChatRequest, JsonSchema, Message, ResponseFormat
from gateway.dialects.shared.fields import least_cap
from gateway.dialects.shared.kinds import Json, objects
from gateway.dialects.shared.preset import Parameters, Preset
from gateway.dialects.shared.preset_form import PresetForm
from gateway.dialects.shared.preset_request import (
    admit,
    conversation,
    parts_of,
    variables_message,
)

_LOCKED = ("model", "stream", "stream_options", "max_tokens", "max_completion_tokens")
_KEPT = (
    *_LOCKED,
    *("messages", "seed", "stop", "temperature", "frequency_penalty", "presence_penalty"),
    *("top_p", "response_format", "reasoning", "reasoning_effort", "logprobs", "top_logprobs"),
    *("top_k", "min_p"),
)
_PARTS = ("text", "image_url", "input_audio", "refusal", "file")
DIRECT = (
    *("temperature", "top_p", "min_p", "top_k", "seed", "frequency_penalty", "presence_penalty"),
    "stop",
)


def _admit(request: Json, preset: Preset, left: list[str]) -> str | None:
    others = bool(request.get("messages"))
    message = variables_message(request, preset, others=others and not preset.locked)
    admit(
        *(request, preset, left),
        shape=ChatRequest,
        kept=_KEPT,
        refused=("tools", "functions"),
        locked=_LOCKED,
        prompts=("messages",),
    )
    conversation(request, "messages", ("role", "content"), ("tool_calls", "function_call"))
    for at, one in enumerate(objects(request.get("messages"))):
        parts_of(one, f"messages[{at}]", "content", _PARTS)
    if message is None or others:
        return message
    request["messages"] = [{"role": "user", "content": message}]
    return None


def _place(request: ChatRequest, preset: Preset, message: str | None) -> Any:
    if message is not None:
        request.messages.insert(0, Message("user", message))
    return place(request, preset)


def place(request: ChatRequest, preset: Preset) -> ChatRequest:
    """The prompt comes first, and what the preset says of the answer wins."""
    told = preset.parameters
    if preset.system:
        request.messages.insert(0, Message("system", preset.system))
    for name, value in told.given(*DIRECT).items():
        setattr(request, name, value)
    if told.think is not None:
        request.reasoning = None
        request.reasoning_effort = "medium" if told.think else "none"
    if told.format is not None:
        request.response_format = _format(told)
    caps = (request.max_tokens, request.max_completion_tokens, told.max_output_tokens)
    request.max_tokens = least_cap(*caps)
    request.max_completion_tokens = None
    return request


def _format(told: Parameters) -> ResponseFormat:
    if isinstance(told.format, dict):
        schema = JsonSchema(name="preset", schema=told.format)
        return ResponseFormat("json_schema", schema)
    return ResponseFormat("json_object")


PRESETS = PresetForm(admit=_admit, place=_place, takes_variables=True)
