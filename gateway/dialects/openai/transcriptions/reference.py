"""What the reference says of this route."""

from gateway.dialects.openai.transcriptions.answer import Transcription
from gateway.dialects.openai.transcriptions.request import TranscriptionRequest
from gateway.dialects.reference import Metering, Reference

_USAGE = {"type": "tokens", "input_tokens": 214, "output_tokens": 9, "total_tokens": 223}

REFERENCE = Reference(
    "createTranscription",
    "Speech",
    "Write down what is said in a recording",
    "As OpenAI's API, for a model that hears. The body is a form (`multipart/form-data`), or JSON "
    "with the file as base64. The model is asked in a chat, so its tokens are reported and the key "
    "is charged for those. If the answer is cut before, they are estimated: 25 for each second of "
    "the recording, whose length follows from its size (of a WAV file by its header, else 4,000 "
    "bytes a second). Before the model runs, as many tokens are reserved as its context holds. It "
    "answers in one piece; `text`, `srt` and `vtt` are not served.",
    TranscriptionRequest,
    {"model": "gemma4:e2b", "file": "UklGRiQAAABXQVZFZm10IA==", "language": "en"},
    Transcription,
    {"text": "The quick brown fox jumps over the lazy dog.", "usage": _USAGE},
    Metering(
        prompt=("usage.prompt_tokens",),
        completion="usage.completion_tokens",
        caps=("max_tokens",),
        sent_as="max_tokens",
        note="Translated into a chat.",
    ),
    form=True,
)
