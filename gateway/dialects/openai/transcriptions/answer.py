"""An answer of chat as what was said in a recording."""

import msgspec
from msgspec import Struct

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


class _Message(Struct):
    content: str | None = None


class _Choice(Struct):
    message: _Message | None = None


class _Chat(Struct):
    choices: list[_Choice]


def translator(context: AnswerContext, *, whole: bool) -> Translation:
    """Implements `Translator`; it never streams."""

    def translated(body: bytes) -> bytes:
        message = msgspec.json.decode(body, type=_Chat).choices[0].message
        text = (message and message.content) or ""
        prompt, completion = msgspec.structs.astuple(context.usage())
        told = TranscriptionUsage(prompt, completion, prompt + completion)
        return msgspec.json.encode(Transcription(text.strip(), told))

    return translated
