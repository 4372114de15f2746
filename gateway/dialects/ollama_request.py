"""What requests to Ollama's own API have in common: the options, and the fields kept back.

A field that is not named here or in the request's own struct does not reach Ollama.
"""

from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct, field

from gateway import names
from gateway.dialects import strict
from gateway.dialects.base import Sanitised
from gateway.dialects.prompt import IMAGE_FLOOR, MESSAGE_OVERHEAD, Choice
from gateway.errors import Refusal

Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
REFUSED = Meta(description="Refused: it is not for a single caller to say.")
_KeptInt = Annotated[Int | None, REFUSED]
_KeptFlag = Annotated[bool | None, REFUSED]


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
    # How the model is loaded: kept back, see below.
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


class NativeRequest(Struct, omit_defaults=True, kw_only=True):
    """What each of them can hold."""

    model: str
    options: Options | None = None
    keep_alive: Annotated[float | str | None, REFUSED] = None


class PromptedRequest(NativeRequest, kw_only=True):
    """What those can hold that generate text."""

    stream: bool | None = None
    format: str | dict[str, Any] | None = None
    think: bool | Choice | None = None
    truncate: bool | None = None
    shift: bool | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    debug_render_only: _KeptFlag = field(name="_debug_render_only", default=None)


# What a caller may not say, with the value that says nothing, and why.
_LOADS = "loads the model anew, or keeps or drops it, for everybody who uses this server"
_FORGES = "goes round the model's own template"
KEPT_BACK: dict[str, tuple[object, str]] = {
    "keep_alive": (None, _LOADS),
    "raw": (False, _FORGES),
    "template": ("", _FORGES),
    "context": ([], _FORGES),
    "debug_render_only": (False, "shows the model's own prompt"),
}
KEPT_BACK_OPTIONS = (
    *("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "numa", "use_mmap"),
    *("use_mlock", "low_vram", "f16_kv", "logits_all", "vocab_only", "embedding_only"),
)

Request = TypeVar("Request", bound=NativeRequest)


def read(body: bytes | bytearray, shape: type[Request]) -> Request | Refusal:
    """The request, unless it says what is kept back."""
    request = strict.parse(body, shape)
    if isinstance(request, Refusal):
        return request
    for name, (silent, why) in KEPT_BACK.items():
        said = getattr(request, name, None)
        if said is None:
            continue
        if said != silent:
            return _kept_back("_debug_render_only" if name == "debug_render_only" else name, why)
        setattr(request, name, None)
    for name in KEPT_BACK_OPTIONS:
        if getattr(request.options, name, None) is not None:
            return _kept_back(f"options.{name}", _LOADS)
    return request


def _kept_back(name: str, why: str) -> Refusal:
    return Refusal("invalid_request", f"'{name}' {why}. Leave it out.", param=name)


def sanitised(
    request: NativeRequest, *, size: int, wraps: int, stream: bool, max_output: int | None
) -> Sanitised | Refusal:
    """What it may cost: `size` in bytes, `wraps`: how many things a template writes around."""
    model = strict.model_name(request.model)
    if isinstance(model, Refusal):
        return model
    return Sanitised(
        model=model,
        cloud=names.is_cloud(request.model),
        stream=stream,
        wants_usage=True,  # it stands in the last line, with the end
        prompt_bytes=size,
        messages=wraps,
        prompt_bound=size + MESSAGE_OVERHEAD * wraps,
        max_output=max_output,
        request=request,
    )


def cap(options: Options | None) -> int | None:
    """The client's cap on the answer, if it is one."""
    asked = options.num_predict if options else None
    return asked if asked and asked > 0 else None


def serialise(asked: Sanitised, granted: int) -> bytes | Refusal:
    """The request as it goes upstream: our own JSON, with the granted output as its cap."""
    request: PromptedRequest = asked.request
    request.model = names.upstream_name(request.model, asked.model)
    request.stream = asked.stream
    request.options = request.options or Options()
    request.options.num_predict = granted
    return strict.encode(request)


def pictures(images: list[str] | None) -> int:
    """A small file can still be a large picture."""
    return sum(max(len(image), IMAGE_FLOOR) for image in images or ())
