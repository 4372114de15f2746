"""OpenAI responses, without the state that OpenAI keeps between them."""

import re
from typing import Any

import msgspec

from gateway.dialects.openai.responses import answer, request
from gateway.dialects.openai.responses.reference import REFERENCE
from gateway.dialects.protocol import SSE
from gateway.dialects.shared import sse


class Responses:
    """`POST /v1/responses`. Implements `Dialect`."""

    reference = REFERENCE
    path = upstream = "/v1/responses"
    scope = "chat"
    framing = SSE
    native = False
    report_markers = answer.REPORT_MARKERS
    text_marker = (
        b".delta\n"  # ends the name of each event with text, and no JSON holds a bare newline
    )
    text_start = re.compile(rb'"(?:text|arguments|delta)"\s*:\s*"')

    sanitise = staticmethod(request.sanitise)
    serialise = staticmethod(request.serialise)
    read_event = staticmethod(answer.read_event)
    text_size = staticmethod(answer.text_size)
    read_body = staticmethod(answer.read_body)

    def error_event(self, error: bytes) -> bytes:
        """OpenAI's error event; its clients raise an exception only for what stands in `error`."""
        told: dict[str, Any] = msgspec.json.decode(error)["error"]
        fields = {name: told[name] for name in ("code", "message", "param")}
        event = {"type": "error", **fields, "sequence_number": 0, "error": told}
        return sse.write(msgspec.json.encode(event), b"error")


DIALECTS = (Responses(),)
