"""Answers to requests that asked for a preset: they name the preset, and tell nothing that the
request held but the caller's own words."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.dialects import error_body
from gateway.dialects.family import Framing
from gateway.dialects.protocol import Dialect, Sanitised, Translation
from gateway.dialects.shared import sse

# What an answer is made of, in the APIs that are spoken here. All else is left out: some servers
# tell of the request, and Ollama gives the prompt back in its `context`.
_KEPT = frozenset(
    (
        *("id", "object", "created", "created_at", "completed_at", "model", "type", "role"),
        *("choices", "usage", "system_fingerprint", "service_tier", "logprobs", "error"),
        *("content", "stop_reason", "stop_sequence", "index", "delta", "content_block"),
        *("message", "response", "thinking", "done", "done_reason", "tool_calls"),
        *("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration"),
        *("eval_count", "eval_duration", "status", "output", "incomplete_details", "text"),
        *("sequence_number", "output_index", "content_index", "summary_index", "item_id", "item"),
        *("part", "annotation", "annotation_index", "refusal", "instructions", "tools"),
        *("tool_choice", "parallel_tool_calls", "previous_response_id", "reasoning", "truncation"),
        *("max_output_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty"),
        *("top_logprobs", "max_tool_calls", "store", "background", "metadata"),
    )
)
_WITHIN = ("response", "message")  # where an event has the answer
_FAILED = "The model server could not answer this."

Object = dict[str, Raw]


def concealing(
    request: Sanitised, dialect: Dialect, request_id: str, *, whole: bool
) -> Translation | None:
    """What hides the preset in events, or in a `whole` answer; None: the request named none."""
    if request.preset is None:
        return None
    model = Raw(msgspec.json.encode(request.alias))

    def shown(answer: bytes) -> bytes | None:
        return _shown(answer, model)

    if whole:
        return lambda body: shown(body) or b"{}"
    assert dialect.framing is not None
    failed = dialect.error_event(
        error_body(dialect.path, Refusal("upstream_failed", _FAILED), request_id)
    )
    return _events(dialect.framing, shown, failed)


def in_refusal(request: Sanitised, refusal: Refusal) -> Refusal:
    """What a model server says of a request can hold pieces of it."""
    if request.preset is None:
        return refusal
    if refusal.reason == "context_length_exceeded" and refusal.words:
        return msgspec.structs.replace(refusal, detail="The prompt is too long for the model.")
    if refusal.reason.startswith("upstream_"):
        return msgspec.structs.replace(refusal, detail=_FAILED, model="")
    return refusal


def _events(framing: Framing, shown: Callable[[bytes], bytes | None], failed: bytes) -> Translation:
    lines = framing.separator == b"\n"  # each is JSON

    def event(one: bytes) -> bytes:
        data = one if lines else sse.data(one).strip()
        if not data.startswith(b"{"):
            return one + framing.separator if data else b""
        made = shown(data)
        if made is None:
            return failed
        return made + b"\n" if lines else sse.write(made, _name_of(one))

    return lambda events: b"".join(map(event, events.split(framing.separator)[:-1]))


def _name_of(event: bytes) -> bytes:
    """The name of an event, if it has one."""
    for line in event.splitlines():
        if line.startswith(b"event:"):
            return line.removeprefix(b"event:").strip()
    return b""


def _shown(data: bytes, model: Raw) -> bytes | None:
    """None: it says that something failed, or cannot be read, so that nobody knows what it says."""
    # Between two values a line end is a blank, and it would end the line of data.
    answer = decode(data.replace(b"\n", b" "), Object)
    if answer is None or bytes(answer.get("error", b"null")) != b"null":
        return None
    return msgspec.json.encode(_cleared(answer, model))


def _cleared(answer: Object, model: Raw) -> dict[str, Any]:
    cleared: dict[str, Any] = {name: one for name, one in answer.items() if name in _KEPT}
    for name in ("instructions", "metadata"):
        if name in answer:
            cleared[name] = None
    if bytes(answer.get("text", b"")).startswith(b"{"):  # the form that was asked for
        cleared["text"] = {"format": {"type": "text"}}
    if "model" in answer:
        cleared["model"] = model
    for name in _WITHIN:
        inner = decode(bytes(answer[name]), Object) if name in answer else None
        if inner is not None:
            cleared[name] = _cleared(inner, model)
            if bytes(inner.get("error", b"null")) != b"null":
                cleared[name]["error"] = {"code": "server_error", "message": _FAILED}
    return cleared
