"""Ollama's own chat."""

from gateway.dialects.ollama import answer, kinds, load, preset
from gateway.dialects.ollama import chat_request as request
from gateway.dialects.ollama.chat_reference import REFERENCE
from gateway.dialects.ollama.family import FAMILY
from gateway.dialects.ollama.privileges import leave_out
from gateway.dialects.ollama.request import grant
from gateway.dialects.protocol import Dialect

OLLAMA_CHAT = Dialect(
    path="/api/chat",
    upstream="/api/chat",
    scope="chat",
    native=True,
    reference=REFERENCE,
    tidy=kinds.tidy_chat,
    measure=request.measure,
    grant=grant,
    leave_out=leave_out,
    load_answer=load.chat,
    read_body=answer.read_body,
    text_start=answer.TEXT_START,
    framing=FAMILY.framing,
    report_markers=answer.REPORT_MARKERS,
    text_marker=FAMILY.framing.separator,
    read_event=answer.read_event,
    text_size=answer.text_size,
    error_event=FAMILY.error_event,
    presets=preset.CHAT_PRESETS,
)
DIALECTS = (OLLAMA_CHAT,)
