"""OpenAI chat completions."""

import re

from gateway.dialects.openai.chat import answer, request
from gateway.dialects.openai.chat.reference import REFERENCE
from gateway.dialects.openai.family import FAMILY
from gateway.dialects.protocol import SSE


class Chat:
    """`POST /v1/chat/completions`. Implements `Dialect`."""

    reference = REFERENCE
    path = upstream = "/v1/chat/completions"
    scope = "chat"
    framing = SSE
    native = False
    report_markers = answer.REPORT_MARKERS
    text_marker = SSE.separator
    text_start = re.compile(rb'"(?:content|reasoning(?:_content)?|arguments)"\s*:\s*"')

    sanitise = staticmethod(request.sanitise)
    serialise = staticmethod(request.serialise)
    read_event = staticmethod(answer.read_event)
    text_size = staticmethod(answer.text_size)
    read_body = staticmethod(answer.read_body)
    error_event = staticmethod(FAMILY.error_event)


DIALECTS = (Chat(),)
