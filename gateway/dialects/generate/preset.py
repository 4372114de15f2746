"""A preset on this project's own route, which is a chat behind it."""

from typing import Any

from gateway.dialects.generate.request import GenerateRequest
from gateway.dialects.openai.chat import preset as chat
from gateway.dialects.openai.chat.request import ChatRequest, Message, measure
from gateway.dialects.shared.kinds import Json
from gateway.dialects.shared.preset import Preset, unmarked
from gateway.dialects.shared.preset_form import PresetForm
from gateway.dialects.shared.preset_request import admit

_KEPT = ("model", "prompt", "max_tokens", "temperature", "stream")


def _admit(request: Json, preset: Preset, left: list[str]) -> str | None:
    unknown = {
        name: one for name, one in request.items() if name not in GenerateRequest.__struct_fields__
    }
    admit(request, preset, left, shape=GenerateRequest, kept=_KEPT, refused=("system",))
    request |= unknown  # which this route refuses
    request["prompt"] = unmarked(request.get("prompt"))
    return None


def _place(request: GenerateRequest, preset: Preset, message: str | None) -> Any:
    asked = ChatRequest(
        model=request.model,
        messages=[Message("user", request.prompt)],
        stream=request.stream or None,
        temperature=request.temperature,
        max_tokens=request.max_tokens,
    )
    return chat.place(asked, preset)


PRESETS = PresetForm(admit=_admit, place=_place, measure=measure)
