"""A request to go on with a text: the fields that are passed on, and what they may cost."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.dialects.openai.chat.request import StreamOptions
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import loading
from gateway.dialects.shared.fields import MOST_TOKENS, Int, Logprobs, ModelName, TopK, least_cap
from gateway.dialects.shared.prompt import length, prompt_bound

_OneText = Annotated[list[str], Meta(min_length=1, max_length=1)]  # as LangChain sends it


class CompletionRequest(Struct, omit_defaults=True):
    """Fields that are not listed here do not reach the model: one prompt has one answer."""

    model: ModelName = None
    prompt: Annotated[
        str | _OneText | None,
        Meta(description="The text to go on with; without one, the model is only loaded."),
    ] = ""
    suffix: Annotated[
        str | None, Meta(description="What follows the gap, for models that can fill one.")
    ] = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[Int | None, MOST_TOKENS] = None
    seed: Int | None = None
    stop: str | list[str] | None = None
    temperature: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    top_p: float | None = None
    logprobs: Logprobs | None = None
    top_k: TopK | None = None
    min_p: float | None = None


def measure(request: CompletionRequest) -> Sanitised:
    """What it may cost."""
    if isinstance(request.prompt, list):
        request.prompt = request.prompt[0]
    request.prompt = request.prompt or ""
    loads = not request.prompt
    size = length(request.prompt) + length(request.suffix)
    options = request.stream_options
    return Sanitised(
        parsed=request,
        stream=bool(request.stream),
        wants_usage=bool(options and options.include_usage),
        prompt_bytes=size,
        messages=1,
        prompt_bound=prompt_bound(size, messages=1),  # Ollama puts it into the chat template
        max_output=1 if loads else least_cap(request.max_tokens),  # 0 were no end, for others
        loads=loads,
        privilege=loading.privilege("prompt") if loads else None,
    )


def grant(sanitised: Sanitised, granted: int) -> None:
    """Cap the answer, and ask for the usage of a stream."""
    request: CompletionRequest = sanitised.parsed
    request.max_tokens = granted
    request.stream_options = StreamOptions(include_usage=True) if sanitised.stream else None
