"""Anthropic messages."""

import re

from gateway.dialects.anthropic.family import FAMILY
from gateway.dialects.anthropic.messages import answer, request
from gateway.dialects.anthropic.messages.reference import REFERENCE
from gateway.dialects.protocol import SSE


class Messages:
    """`POST /v1/messages`. Implements `Dialect`."""

    reference = REFERENCE
    path = upstream = "/v1/messages"
    scope = "chat"
    framing = SSE
    native = False
    report_markers = answer.REPORT_MARKERS
    text_marker = b'"content_block_delta"'
    text_start = re.compile(rb'"(?:text|thinking|name)"\s*:\s*"')

    sanitise = staticmethod(request.sanitise)
    serialise = staticmethod(request.serialise)
    read_event = staticmethod(answer.read_event)
    text_size = staticmethod(answer.text_size)
    read_body = staticmethod(answer.read_body)
    error_event = staticmethod(FAMILY.error_event)


DIALECTS = (Messages(),)

# What the clients can ask for and is not here, and why.
ABSENT = {
    "/v1/messages/count_tokens": "Tokens cannot be counted ahead: Ollama has no route that counts "
    "them, and an estimate would not be a count. Each answer reports what it took as "
    "'usage.input_tokens'.",
}
