"""What requests to Ollama's own API have in common: the options, and fields of each of them.

A field that is not named here or in the request's own struct does not reach Ollama.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Struct, field

from gateway.core.errors import Refusal
from gateway.dialects.ollama import options as native_options
from gateway.dialects.ollama import privileges
from gateway.dialects.ollama.options import Options
from gateway.dialects.ollama.privileges import NEEDS_SCOPE
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import schemas
from gateway.dialects.shared.fields import Choice, Logprobs, ModelName, least_cap
from gateway.dialects.shared.prompt import picture_size, prompt_bound

_KeptFlag = Annotated[bool | None, NEEDS_SCOPE]


class NativeRequest(Struct, omit_defaults=True, kw_only=True):
    """What each of them can hold."""

    model: ModelName = None
    options: Options | None = None
    keep_alive: Annotated[float | str | None, NEEDS_SCOPE] = None


class PromptedRequest(NativeRequest, kw_only=True):
    """What those can hold that generate text."""

    stream: bool | None = None
    format: str | dict[str, Any] | None = None
    think: bool | Choice | None = None
    truncate: bool | None = None
    shift: _KeptFlag = None
    logprobs: bool | None = None
    top_logprobs: Logprobs | None = None
    debug_render_only: _KeptFlag = field(name="_debug_render_only", default=None)


def measured(
    request: NativeRequest,
    *,
    size: int,
    wraps: int,
    tools: int = 0,
    stream: bool,
    max_output: int | None,
    empty: str | None = None,
) -> Sanitised:
    """What it may cost: `size` in bytes, `wraps`: how many things a template writes around, beside
    the definitions of `tools`. `empty`: the field that holds nothing to read, so that the model is
    only loaded, or dropped."""
    privileges.silence(request)
    options = request.options
    # Ollama answers these in one piece, whatever the request says.
    whole = bool(empty) or getattr(request, "debug_render_only", None) is not None
    return Sanitised(
        parsed=request,
        stream=stream and not whole,
        wants_usage=True,  # it stands in the last line, with the end
        prompt_bytes=size,
        messages=wraps,
        prompt_bound=prompt_bound(size, messages=wraps, tools=tools),
        max_output=0 if empty else max_output,
        loads=bool(empty),
        context=max(0, options.num_ctx or 0) if options else 0,
        privilege=privileges.privilege(request, empty),
    )


def too_large(
    request: PromptedRequest, tools: Iterable[dict[str, Any] | None] = ()
) -> Refusal | None:
    """Why the schemas of the request are not passed on, if so."""
    form = request.format if isinstance(request.format, dict) else None
    return schemas.refusal(form, "format", tools)


def cap(options: Options | None) -> int | None:
    """The client's cap on the answer, if it is one."""
    return least_cap(options.num_predict) if options else None


def grant(sanitised: Sanitised, granted: int) -> None:
    """Cap the answer, and say whether it streams, which is what Ollama does by itself."""
    request: PromptedRequest = sanitised.parsed
    request.stream = sanitised.stream
    request.options = request.options or Options()
    native_options.cut(request.options, max(sanitised.model_context, sanitised.context))
    request.options.num_predict = max(granted, 1)  # which is nothing to load with; 0 were no end


def pictures(images: list[str] | None) -> int:
    """What they add to the size of a prompt."""
    return sum(map(picture_size, images or ()))
