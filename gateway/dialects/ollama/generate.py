"""Ollama's own generate: one prompt, one answer."""

from gateway.dialects.ollama import answer, kinds, load, preset
from gateway.dialects.ollama import generate_request as request
from gateway.dialects.ollama.family import FAMILY
from gateway.dialects.ollama.generate_reference import REFERENCE
from gateway.dialects.ollama.privileges import leave_out
from gateway.dialects.ollama.request import grant
from gateway.dialects.protocol import Dialect

OLLAMA_GENERATE = Dialect(
    path="/api/generate",
    upstream="/api/generate",
    scope="chat",
    native=True,
    reference=REFERENCE,
    tidy=kinds.tidy,
    measure=request.measure,
    grant=grant,
    leave_out=leave_out,
    load_answer=load.generate,
    read_body=answer.read_body,
    text_start=answer.TEXT_START,
    framing=FAMILY.framing,
    report_markers=answer.REPORT_MARKERS,
    text_marker=FAMILY.framing.separator,
    read_event=answer.read_event,
    text_size=answer.text_size,
    error_event=FAMILY.error_event,
    presets=preset.GENERATE_PRESETS,
)
DIALECTS = (OLLAMA_GENERATE,)
