"""OpenAI text completions: a text is gone on with."""

import re

from gateway.dialects.openai.chat.answer import REPORT_MARKERS
from gateway.dialects.openai.completions import answer, request
from gateway.dialects.openai.completions.reference import REFERENCE
from gateway.dialects.openai.family import FAMILY
from gateway.dialects.protocol import Dialect

COMPLETIONS = Dialect(
    path="/v1/completions",
    upstream="/v1/completions",
    scope="chat",
    reference=REFERENCE,
    measure=request.measure,
    grant=request.grant,
    read_body=answer.read_body,
    text_start=re.compile(rb'"text"\s*:\s*"'),
    framing=FAMILY.framing,
    report_markers=REPORT_MARKERS,
    text_marker=FAMILY.framing.separator,
    read_event=answer.read_event,
    text_size=answer.text_size,
    error_event=FAMILY.error_event,
)
DIALECTS = (COMPLETIONS,)
