"""A preset in text completions: a chat behind it, since a completion has no place for the owner's
prompt that the text could not be taken for.

The model server is asked for a chat, and its answer is translated.
"""

import re
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from gateway.core.decoding import decode
from gateway.dialects.openai.chat import CHAT
from gateway.dialects.openai.chat import preset as chat
from gateway.dialects.openai.chat.answer import DONE
from gateway.dialects.openai.chat.request import ChatRequest, Message, measure
from gateway.dialects.openai.completions.reference import REFERENCE
from gateway.dialects.openai.completions.request import CompletionRequest
from gateway.dialects.protocol import AnswerContext, Dialect, Translation
from gateway.dialects.shared import sse
from gateway.dialects.shared.kinds import Json, objects
from gateway.dialects.shared.preset import Preset, unmarked
from gateway.dialects.shared.preset_form import PresetForm
from gateway.dialects.shared.preset_request import admit
from gateway.dialects.shared.strict_json import Refused

_DIRECT = (
    *("stream", "stream_options", "max_tokens", "seed", "stop", "temperature"),
    *("frequency_penalty", "presence_penalty", "top_p", "top_k", "min_p"),
)


def _admit(request: Json, preset: Preset, left: list[str]) -> str | None:
    admit(
        *(request, preset, left),
        shape=CompletionRequest,
        kept=("model", "prompt", *_DIRECT),
        refused=("suffix",),
    )
    if not request.get("prompt"):
        raise Refused("'prompt' should hold a text.", "prompt")
    request["prompt"] = unmarked(request["prompt"])
    return None


def _place(request: CompletionRequest, preset: Preset, message: str | None) -> Any:
    given = request.prompt
    text = given[0] if isinstance(given, list) else given or ""
    fields = {name: getattr(request, name) for name in _DIRECT}
    asked = ChatRequest(model=request.model, messages=[Message("user", text)], **fields)
    return chat.place(asked, preset)


def _translator(context: AnswerContext, *, whole: bool) -> Translation:
    """Implements `Translator`."""
    return _body if whole else partial(_events)


def _body(body: bytes) -> bytes:
    return msgspec.json.encode(_translated(decode(body, dict[str, Any]) or {}))


def _events(events: bytes) -> bytes:
    separator = CHAT.framing.separator if CHAT.framing else b"\n\n"
    return b"".join(map(_event, events.split(separator)[:-1]))


def _event(event: bytes) -> bytes:
    data = sse.data(event).strip()
    if not data:
        return b""  # a comment
    chunk = None if data == DONE else decode(data, dict[str, Any])
    return sse.write(msgspec.json.encode(_translated(chunk)) if chunk else data)


def _translated(answer: dict[str, Any]) -> dict[str, Any]:
    """The same as a completion; an error stays one."""
    if "choices" not in answer:
        return answer
    choices = list(map(_choice, objects(answer["choices"])))
    return {**answer, "object": "text_completion", "choices": choices}


def _choice(chosen: Json) -> Json:
    said: Any = chosen.get("message") or chosen.get("delta") or {}
    named = {name: chosen.get(name) for name in ("index", "finish_reason")}
    return {"text": said.get("content") or "", **named}


THROUGH_CHAT: Dialect = replace(
    CHAT,
    path="/v1/completions",
    reference=REFERENCE,
    presets=PresetForm(admit=_admit, place=_place, measure=measure),
    translator=_translator,
    text_start=re.compile(rb'"(?:content|reasoning(?:_content)?)"\s*:\s*"'),
)
