"""A preset in messages: which of them it takes, and where its prompt and parameters go."""

from typing import Any

from gateway.dialects.anthropic.shapes import (
    Conversation,
    MessagesRequest,
    OutputConfig,
    OutputFormat,
    ThinkingConfig,
)
from gateway.dialects.shared.kinds import Json, objects
from gateway.dialects.shared.preset import Preset
from gateway.dialects.shared.preset_form import PresetForm
from gateway.dialects.shared.preset_request import admit, conversation, parts_of

_KEPT = (
    *("model", "messages", "max_tokens", "stream", "temperature", "top_p", "top_k"),
    *("stop_sequences", "thinking", "output_config", "output_format"),
)
_BLOCKS = (*("text", "image", "document", "search_result", "thinking", "redacted_thinking"),)
_DIRECT = ("temperature", "top_p", "top_k")


def _admit(request: Json, preset: Preset, left: list[str]) -> str | None:
    admit(
        *(request, preset, left),
        shape=MessagesRequest,
        kept=_KEPT,
        refused=("system", "tools", "mcp_servers"),
    )
    conversation(request, "messages", ("role", "content"), ())
    for at, one in enumerate(objects(request.get("messages"))):
        parts_of(one, f"messages[{at}]", "content", _BLOCKS)
    return None


def _place(request: Conversation, preset: Preset, message: str | None) -> Any:
    told = preset.parameters
    request.system = preset.system or None
    for name, value in told.given(*_DIRECT).items():
        setattr(request, name, value)
    if told.stop is not None:
        request.stop_sequences = told.stop
    if told.think is not None:
        request.thinking = ThinkingConfig("enabled" if told.think else "disabled")
    if told.format is not None:
        schema = told.format if isinstance(told.format, dict) else {"type": "object"}
        request.output_config = OutputConfig(format=OutputFormat("json_schema", schema))
    if told.max_output_tokens is not None and isinstance(request, MessagesRequest):
        request.max_tokens = min(request.max_tokens, told.max_output_tokens)
    return request


PRESETS = PresetForm(admit=_admit, place=_place)
