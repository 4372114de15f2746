"""An answer of chat as what was said in a recording."""

import msgspec
from msgspec import Struct

from gateway.dialects.generate.answer import text_and_finish
from gateway.dialects.protocol import AnswerContext, Translation


class TranscriptionUsage(Struct, tag_field="type", tag="tokens"):
    """Tokens as the model server reports them; they are what the key is charged."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class Transcription(Struct):
    """What was said."""

    text: str
    usage: TranscriptionUsage


def translator(context: AnswerContext, *, whole: bool) -> Translation:
    """Implements `Translator`; it never streams."""

    def translated(body: bytes) -> bytes:
        text, _ = text_and_finish(body)
        prompt, completion = msgspec.structs.astuple(context.usage())
        told = TranscriptionUsage(prompt, completion, prompt + completion)
        return msgspec.json.encode(Transcription(text.strip(), told))

    return translated
