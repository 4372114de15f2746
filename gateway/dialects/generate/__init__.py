"""This project's own route: one prompt in, one text out.

The model server is asked for a chat, which each of them knows, and its answer is translated. What
a model thinks before it answers is counted, but not shown.
"""

import re

from gateway.dialects.generate import answer, preset, request
from gateway.dialects.generate.reference import REFERENCE
from gateway.dialects.openai.chat.answer import CLOSING, text_size
from gateway.dialects.openai.chat.request import grant
from gateway.dialects.openai.family import FAMILY
from gateway.dialects.protocol import Dialect

GENERATE = Dialect(
    path="/v1/generate",
    upstream="/v1/chat/completions",
    scope="chat",
    reference=REFERENCE,
    measure=request.measure,
    grant=grant,
    read_body=answer.read_body,
    text_start=re.compile(rb'"(?:content|reasoning(?:_content)?)"\s*:\s*["\[{]'),
    framing=FAMILY.framing,
    report_markers=(b"data:",),  # each event is read, for each is translated
    text_marker=FAMILY.framing.separator,
    read_event=answer.read_event,
    text_size=text_size,
    closing=CLOSING,
    error_event=FAMILY.error_event,
    translator=answer.translator,
    presets=preset.PRESETS,
)
DIALECTS = (GENERATE,)
