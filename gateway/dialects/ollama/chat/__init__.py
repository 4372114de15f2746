"""Ollama's own chat."""

from gateway.dialects.ollama import answer
from gateway.dialects.ollama.chat import request
from gateway.dialects.ollama.chat.reference import REFERENCE
from gateway.dialects.ollama.family import FAMILY
from gateway.dialects.ollama.request import serialise
from gateway.dialects.protocol import NDJSON


class OllamaChat:
    """`POST /api/chat`. Implements `Dialect`."""

    reference = REFERENCE
    path = upstream = "/api/chat"
    scope = "chat"
    framing = NDJSON
    native = True
    report_markers = answer.REPORT_MARKERS
    text_marker = NDJSON.separator
    text_start = answer.TEXT_START

    sanitise = staticmethod(request.sanitise)
    serialise = staticmethod(serialise)
    read_event = staticmethod(answer.read_event)
    text_size = staticmethod(answer.text_size)
    read_body = staticmethod(answer.read_body)
    error_event = staticmethod(FAMILY.error_event)


DIALECTS = (OllamaChat(),)
