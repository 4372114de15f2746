"""OpenAI chat completions."""

import re

from gateway.dialects.openai.chat import answer, complete, kinds, preset, request
from gateway.dialects.openai.chat.reference import REFERENCE
from gateway.dialects.openai.family import FAMILY
from gateway.dialects.protocol import Dialect

CHAT = Dialect(
    path="/v1/chat/completions",
    upstream="/v1/chat/completions",
    scope="chat",
    reference=REFERENCE,
    tidy=kinds.tidy,
    measure=request.measure,
    grant=request.grant,
    read_body=answer.read_body,
    text_start=re.compile(rb'"(?:content|reasoning(?:_content)?|arguments)"\s*:\s*"'),
    framing=FAMILY.framing,
    report_markers=answer.REPORT_MARKERS,
    finish_markers=answer.FINISH_MARKERS,
    text_marker=FAMILY.framing.separator,
    read_event=answer.read_event,
    text_size=answer.text_size,
    closing=answer.CLOSING,
    error_event=FAMILY.error_event,
    translator=complete.translator,
    presets=preset.PRESETS,
)
DIALECTS = (CHAT,)
