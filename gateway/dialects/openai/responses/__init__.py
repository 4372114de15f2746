"""OpenAI responses, without the state that OpenAI keeps between them."""

import re
from typing import Any

import msgspec

from gateway.dialects.openai.family import FAMILY
from gateway.dialects.openai.responses import answer, kinds, load, preset, request, restore
from gateway.dialects.openai.responses.reference import REFERENCE
from gateway.dialects.protocol import Dialect
from gateway.dialects.shared import sse


def _error_event(error: bytes) -> bytes:
    """OpenAI's error event; its clients raise an exception only for what stands in `error`."""
    told: dict[str, Any] = msgspec.json.decode(error)["error"]
    fields = {name: told[name] for name in ("code", "message", "param")}
    event = {"type": "error", **fields, "sequence_number": 0, "error": told}
    return sse.write(msgspec.json.encode(event), b"error")


RESPONSES = Dialect(
    path="/v1/responses",
    upstream="/v1/responses",
    scope="chat",
    reference=REFERENCE,
    tidy=kinds.tidy,
    measure=request.measure,
    grant=request.grant,
    load_answer=load.load_answer,
    read_body=answer.read_body,
    text_start=re.compile(rb'"(?:text|arguments|delta)"\s*:\s*"'),
    framing=FAMILY.framing,
    report_markers=answer.REPORT_MARKERS,
    text_marker=b".delta\n",  # ends the name of each event with text; no JSON holds a bare newline
    read_event=answer.read_event,
    text_size=answer.text_size,
    error_event=_error_event,
    translator=restore.translator,
    presets=preset.PRESETS,
)
DIALECTS = (RESPONSES,)
