"""Anthropic messages."""

import re

from gateway.dialects.anthropic import answer, complete, kinds, preset, request
from gateway.dialects.anthropic.family import FAMILY
from gateway.dialects.anthropic.reference import REFERENCE
from gateway.dialects.protocol import Dialect

MESSAGES = Dialect(
    path="/v1/messages",
    upstream="/v1/messages",
    scope="chat",
    reference=REFERENCE,
    tidy=kinds.tidy,
    measure=request.measure,
    grant=request.grant,
    read_body=answer.read_body,
    text_start=re.compile(rb'"(?:text|thinking|name)"\s*:\s*"'),
    framing=FAMILY.framing,
    report_markers=answer.REPORT_MARKERS,
    text_marker=b'"content_block_delta"',
    read_event=answer.read_event,
    text_size=answer.text_size,
    closing=answer.CLOSING,
    error_event=FAMILY.error_event,
    translator=complete.translator,
    presets=preset.PRESETS,
)
DIALECTS = (MESSAGES,)

# What the clients can ask for and is not here, and why.
ABSENT = {
    "/v1/messages/batches": "Nothing is kept here, so there is no /v1/messages/batches: send each "
    "message to /v1/messages.",
}
