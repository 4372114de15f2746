"""A text completion: where usage, the end and generated text stand in it."""

import msgspec
from msgspec import Raw, Struct

from gateway.core.decoding import UNREADABLE
from gateway.dialects.openai.chat import answer as chat
from gateway.dialects.protocol import Body, Event
from gateway.dialects.shared import sse
from gateway.dialects.shared.reading import plain_size, raw_size, unreadable

# What Ollama ends every chunk with when it is asked for the usage; the real one comes last.
_NO_USAGE = b',"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}'


class _Choice(Struct):
    text: Raw = Raw()
    finish_reason: str | None = None


class _Answer(Struct):
    choices: list[_Choice] | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


def read_event(event: bytes) -> Event:
    """As in chat; the zero that stands in other chunks is there for the gateway's asking only."""
    if not event.endswith(_NO_USAGE):
        return chat.read_event(event)
    found = chat.read_report(event)
    if found.usage is None and not found.extra:
        return found._replace(plain=event.removesuffix(_NO_USAGE) + b"}")
    return found


def text_size(event: bytes) -> int:
    """Bytes of the texts in it."""
    try:
        answer = _decode_answer(sse.data(event))
    except UNREADABLE:
        return 0
    return sum(raw_size(choice.text) for choice in answer.choices or ())


def read_body(body: bytes) -> Body:
    """The repeat guard leaves an answer without a finish, and without usage."""
    try:
        usage = chat.reported_in(body)
        if usage is not None and usage.completion_tokens:
            return Body(usage)
        choices = _decode_answer(body).choices or []
        text = sum(plain_size(choice.text) for choice in choices)
    except UNREADABLE as problem:
        return unreadable(problem, body)
    complete = all(choice.finish_reason for choice in choices)
    return Body(usage, text, complete, broken=not choices)
