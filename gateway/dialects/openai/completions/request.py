"""A request to go on with a text: the fields that are passed on, and what they may cost."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.dialects.openai.chat.request import StreamOptions
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import strict_json
from gateway.dialects.shared.prompt import MESSAGE_OVERHEAD, length

_Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Number = float | None
_OneText = Annotated[list[str], Meta(min_length=1, max_length=1)]  # as LangChain sends it


class CompletionRequest(Struct, omit_defaults=True):
    """Fields that are not listed here do not reach the model: one prompt has one answer."""

    model: Annotated[str, Meta(description="A name that GET /v1/models lists.")]
    prompt: Annotated[str | _OneText, Meta(description="The text to go on with.")] = ""
    suffix: Annotated[
        str | None, Meta(description="What follows the gap, for models that can fill one.")
    ] = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[
        _Int | None,
        Meta(description="Most tokens of the answer; cut to what the key has left this month."),
    ] = None
    seed: _Int | None = None
    stop: str | list[str] | None = None
    temperature: _Number = None
    frequency_penalty: _Number = None
    presence_penalty: _Number = None
    top_p: _Number = None
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None


def sanitise(body: bytes | bytearray) -> Sanitised | Refusal:
    """Check a request and say what it may cost."""
    request = strict_json.parse(body, CompletionRequest)
    if isinstance(request, Refusal):
        return request
    model = strict_json.model_name(request.model)
    if isinstance(model, Refusal):
        return model
    if isinstance(request.prompt, list):
        request.prompt = request.prompt[0]
    size = length(request.prompt) + length(request.suffix)
    cap = request.max_tokens
    return Sanitised(
        model=model,
        cloud=model_names.is_cloud(request.model),
        stream=bool(request.stream),
        wants_usage=bool(request.stream_options and request.stream_options.include_usage),
        prompt_bytes=size,
        messages=1,
        prompt_bound=size + MESSAGE_OVERHEAD,  # Ollama puts the prompt into the chat template
        max_output=cap if cap and cap > 0 else None,
        request=request,
    )


def serialise(sanitised: Sanitised, granted: int) -> bytes | Refusal:
    """The request as it goes upstream: our own JSON, with the granted output as its cap."""
    request: CompletionRequest = sanitised.request
    request.model = model_names.upstream_name(request.model, sanitised.model)
    request.max_tokens = granted
    request.stream_options = StreamOptions(include_usage=True) if sanitised.stream else None
    return strict_json.encode(request)
