"""What requests to Ollama's own API have in common: the options, and fields of each of them.

A field that is not named here or in the request's own struct does not reach Ollama.
"""

from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct, field

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.dialects.ollama import privileges
from gateway.dialects.ollama.privileges import NEEDS_SCOPE
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import strict_json
from gateway.dialects.shared.prompt import IMAGE_FLOOR, MESSAGE_OVERHEAD, Choice

Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_KeptInt = Annotated[Int | None, NEEDS_SCOPE]
_KeptFlag = Annotated[bool | None, NEEDS_SCOPE]


class Options(Struct, omit_defaults=True):
    """How the next word is chosen, and how many there may be."""

    num_predict: Int | None = None  # 0 and less: no end, for Ollama
    seed: Int | None = None
    stop: list[str] | None = None
    temperature: float | None = None
    top_k: Int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    tfs_z: float | None = None
    num_keep: Int | None = None
    repeat_last_n: Int | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    penalize_newline: bool | None = None
    mirostat: Int | None = None
    mirostat_tau: float | None = None
    mirostat_eta: float | None = None
    # How the model is loaded.
    num_ctx: _KeptInt = None
    num_batch: _KeptInt = None
    num_gpu: _KeptInt = None
    main_gpu: _KeptInt = None
    num_thread: _KeptInt = None
    numa: _KeptFlag = None
    use_mmap: _KeptFlag = None
    use_mlock: _KeptFlag = None
    low_vram: _KeptFlag = None
    f16_kv: _KeptFlag = None
    logits_all: _KeptFlag = None
    vocab_only: _KeptFlag = None
    embedding_only: _KeptFlag = None
    draft_num_predict: _KeptInt = None


class NativeRequest(Struct, omit_defaults=True, kw_only=True):
    """What each of them can hold."""

    model: str
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
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    debug_render_only: _KeptFlag = field(name="_debug_render_only", default=None)


Request = TypeVar("Request", bound=NativeRequest)


def read(body: bytes | bytearray, shape: type[Request]) -> Request | Refusal:
    """The request, less what says nothing."""
    request = strict_json.parse(body, shape)
    if not isinstance(request, Refusal):
        privileges.silence(request)
    return request


def sanitised(
    request: NativeRequest,
    *,
    size: int,
    wraps: int,
    stream: bool,
    max_output: int | None,
    empty: str | None = None,
) -> Sanitised | Refusal:
    """What it may cost: `size` in bytes, `wraps`: how many things a template writes around.
    `empty`: the field that holds nothing to read, so that the model is only loaded, or dropped."""
    model = strict_json.model_name(request.model)
    if isinstance(model, Refusal):
        return model
    options = request.options
    # Ollama answers these in one piece, whatever is asked.
    whole = bool(empty) or getattr(request, "debug_render_only", None) is not None
    return Sanitised(
        model=model,
        cloud=model_names.is_cloud(request.model),
        stream=stream and not whole,
        wants_usage=True,  # it stands in the last line, with the end
        prompt_bytes=size,
        messages=wraps,
        prompt_bound=size + MESSAGE_OVERHEAD * wraps,
        max_output=0 if empty else max_output,
        request=request,
        context=max(0, options.num_ctx or 0) if options else 0,
        privilege=privileges.privilege(request, empty),
    )


def cap(options: Options | None) -> int | None:
    """The client's cap on the answer, if it is one."""
    asked = options.num_predict if options else None
    return asked if asked and asked > 0 else None


def serialise(sanitised: Sanitised, granted: int) -> bytes | Refusal:
    """The request as it goes upstream: our own JSON, with the granted output as its cap."""
    request: PromptedRequest = sanitised.request
    request.model = model_names.upstream_name(request.model, sanitised.model)
    request.stream = sanitised.stream
    request.options = request.options or Options()
    request.options.num_predict = max(granted, 1)  # which is nothing to load with; 0 were no end
    return strict_json.encode(request)


def pictures(images: list[str] | None) -> int:
    """A small file can still be a large picture."""
    return sum(max(len(image), IMAGE_FLOOR) for image in images or ())
