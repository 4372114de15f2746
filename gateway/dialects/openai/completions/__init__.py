"""OpenAI text completions: a text is gone on with."""

import re

from gateway.dialects.openai.chat import answer as chat
from gateway.dialects.openai.completions import answer, request
from gateway.dialects.openai.completions.reference import REFERENCE
from gateway.dialects.openai.family import FAMILY
from gateway.dialects.protocol import SSE


class Completions:
    """`POST /v1/completions`. Implements `Dialect`."""

    reference = REFERENCE
    path = upstream = "/v1/completions"
    scope = "chat"
    framing = SSE
    native = False
    report_markers = chat.REPORT_MARKERS
    text_marker = SSE.separator
    text_start = re.compile(rb'"text"\s*:\s*"')

    sanitise = staticmethod(request.sanitise)
    serialise = staticmethod(request.serialise)
    read_event = staticmethod(answer.read_event)
    text_size = staticmethod(answer.text_size)
    read_body = staticmethod(answer.read_body)
    error_event = staticmethod(FAMILY.error_event)


DIALECTS = (Completions(),)
