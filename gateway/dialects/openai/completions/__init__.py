"""OpenAI text completions: a text is gone on with."""

import re

from gateway.dialects.openai.chat.answer import CLOSING, FINISH_MARKERS, REPORT_MARKERS
from gateway.dialects.openai.completions import answer, load, request
from gateway.dialects.openai.completions.preset import THROUGH_CHAT
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
    load_answer=load.load_answer,
    read_body=answer.read_body,
    text_start=re.compile(rb'"text"\s*:\s*"'),
    framing=FAMILY.framing,
    report_markers=REPORT_MARKERS,
    finish_markers=FINISH_MARKERS,
    text_marker=FAMILY.framing.separator,
    read_event=answer.read_event,
    text_size=answer.text_size,
    closing=CLOSING,
    error_event=FAMILY.error_event,
    for_presets=THROUGH_CHAT,
)
DIALECTS = (COMPLETIONS,)
