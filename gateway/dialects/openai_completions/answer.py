"""A text completion: where usage, the end and generated text stand in it."""

import msgspec
from msgspec import Struct

from gateway.decoding import UNREADABLE
from gateway.dialects.base import Body, Event
from gateway.dialects.openai_chat import answer as chat

# What Ollama ends every chunk with when it is asked for the usage; the real one comes last.
_NO_USAGE = b',"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}'


class _Choice(Struct):
    text: str | None = None
    finish_reason: str | None = None


class _Answer(Struct):
    choices: list[_Choice] = []

    def size(self) -> int:
        """Bytes of its texts."""
        return sum(len(choice.text.encode()) for choice in self.choices if choice.text)


_decode_answer = msgspec.json.Decoder(_Answer).decode


def read_event(event: bytes) -> Event:
    """As in chat; the zero that stands in other chunks is there for the gateway's asking only."""
    found = chat.read_event(event)
    if found.usage is None and not found.extra and event.endswith(_NO_USAGE):
        return found._replace(plain=event.removesuffix(_NO_USAGE) + b"}")
    return found


def text_size(event: bytes) -> int:
    """Bytes of the texts in it."""
    try:
        return _decode_answer(event.removeprefix(b"data:")).size()
    except UNREADABLE:
        return 0


def read_body(body: bytes) -> Body:
    """The repeat guard leaves an answer without a finish, and without usage."""
    try:
        usage = chat.reported_in(body)
        if usage is not None:
            return Body(usage)
        answer = _decode_answer(body)
    except UNREADABLE as problem:
        return Body(broken=not isinstance(problem, msgspec.ValidationError))
    complete = all(choice.finish_reason for choice in answer.choices)
    return Body(text=answer.size(), complete=complete)
