"""Ollama's own generate: one prompt, one answer."""

from gateway.dialects import ollama_answer, ollama_request
from gateway.dialects.base import NDJSON
from gateway.dialects.ollama_generate import request
from gateway.dialects.ollama_generate.reference import REFERENCE


class OllamaGenerate:
    """`POST /api/generate`. Implements `Dialect`."""

    reference = REFERENCE
    path = upstream = "/api/generate"
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


DIALECTS = (OllamaGenerate(),)
