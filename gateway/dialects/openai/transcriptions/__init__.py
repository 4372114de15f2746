"""OpenAI audio transcriptions: a recording becomes text, by a model that hears.

The model server is asked for a chat about the recording, as Ollama does it itself: so the answer
has a cap, and its tokens are reported, which those of Ollama's own route are not.
"""

import re

from gateway.dialects.generate.answer import read_body
from gateway.dialects.openai.chat.request import grant
from gateway.dialects.openai.transcriptions import answer, form, request
from gateway.dialects.openai.transcriptions.reference import REFERENCE
from gateway.dialects.protocol import Dialect

TRANSCRIPTIONS = Dialect(
    path="/v1/audio/transcriptions",
    upstream="/v1/chat/completions",
    scope="chat",
    reference=REFERENCE,
    to_json=form.to_json,
    measure=request.measure,
    grant=grant,
    read_body=read_body,
    text_start=re.compile(rb'"(?:content|reasoning(?:_content)?)"\s*:\s*["\[{]'),
    translator=answer.translator,
)
DIALECTS = (TRANSCRIPTIONS,)
