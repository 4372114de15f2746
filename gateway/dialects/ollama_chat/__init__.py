"""Ollama's own chat."""

from gateway.dialects import ollama_answer, ollama_request
from gateway.dialects.base import NDJSON
from gateway.dialects.ollama_chat import request
from gateway.dialects.ollama_chat.reference import REFERENCE


class OllamaChat:
    """`POST /api/chat`. Implements `Dialect`."""

    reference = REFERENCE
    path = upstream = "/api/chat"
    scope = "chat"
    framing = NDJSON
    native = True
    marks = ollama_answer.MARKS
    piece = NDJSON.separator
    begins = ollama_answer.BEGINS

    sanitise = staticmethod(request.sanitise)
    serialise = staticmethod(ollama_request.serialise)
    read_event = staticmethod(ollama_answer.read_event)
    text_size = staticmethod(ollama_answer.text_size)
    read_body = staticmethod(ollama_answer.read_body)
    error_event = staticmethod(ollama_answer.error_event)


DIALECTS = (OllamaChat(),)
