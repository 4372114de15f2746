"""A preset in Ollama's chat and generate: what it takes, and where its prompt and parameters go."""

from typing import Any, cast

from gateway.dialects.ollama.chat_request import OllamaChatRequest, OllamaMessage
from gateway.dialects.ollama.generate_request import OllamaGenerateRequest
from gateway.dialects.ollama.options import LOADING, Options
from gateway.dialects.ollama.request import PromptedRequest
from gateway.dialects.shared.fields import least_cap
from gateway.dialects.shared.kinds import Json
from gateway.dialects.shared.preset import Preset, unmarked
from gateway.dialects.shared.preset_form import PresetForm
from gateway.dialects.shared.preset_request import admit, conversation

_KEPT = ("model", "stream", "format", "think", "options", "logprobs", "top_logprobs")
_KEPT_BACK = {*LOADING, "num_keep"}  # of the options: what changes the machine, or drops the prompt
_DIRECT = (
    *("temperature", "top_p", "min_p", "top_k", "seed", "frequency_penalty", "presence_penalty"),
    "stop",
)


def _admit_chat(request: Json, preset: Preset, left: list[str]) -> str | None:
    admit(
        *(request, preset, left),
        shape=OllamaChatRequest,
        kept=(*_KEPT, "messages"),
        refused=("tools", "_debug_render_only"),
    )
    _admit_options(request, left)
    conversation(request, "messages", ("role", "content", "images"), ("tool_calls", "tool_name"))
    return None


def _admit_generate(request: Json, preset: Preset, left: list[str]) -> str | None:
    admit(
        *(request, preset, left),
        shape=OllamaGenerateRequest,
        kept=(*_KEPT, "prompt", "images"),
        refused=("system", "template", "raw", "context", "suffix", "_debug_render_only"),
    )
    _admit_options(request, left)
    request["prompt"] = unmarked(request.get("prompt"))
    return None


def _admit_options(request: Json, left: list[str]) -> None:
    options: Any = request.get("options")
    if not isinstance(options, dict):
        return
    given = cast(Json, options)
    for name in [one for one in given if one in _KEPT_BACK]:
        del given[name]
        left.append(f"options.{name}")


def _place_chat(request: OllamaChatRequest, preset: Preset, message: str | None) -> Any:
    if request.messages and preset.system:  # without messages the model is only loaded
        request.messages.insert(0, OllamaMessage("system", preset.system))
    return _placed(request, preset)


def _place_generate(request: OllamaGenerateRequest, preset: Preset, message: str | None) -> Any:
    if request.prompt:
        # Empty, it would leave the one that the model itself may have.
        request.system = preset.system or None
    return _placed(request, preset)


def _placed(request: PromptedRequest, preset: Preset) -> PromptedRequest:
    told = preset.parameters
    options = request.options = request.options or Options()
    for name, value in told.given(*_DIRECT).items():
        setattr(options, name, value)
    options.num_predict = least_cap(options.num_predict, told.max_output_tokens)
    if told.think is not None:
        request.think = told.think
    if told.format is not None:
        request.format = told.format
    return request


CHAT_PRESETS = PresetForm(admit=_admit_chat, place=_place_chat)
GENERATE_PRESETS = PresetForm(admit=_admit_generate, place=_place_generate)
