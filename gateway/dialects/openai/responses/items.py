"""What a conversation is made of: the items of `input` that are passed on, and their size.

The shapes hold after kinds.py has left out and translated what they do not know.
"""

from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType

from gateway.core.errors import Refusal
from gateway.dialects.openai.kinds import NO_FILES
from gateway.dialects.shared.prompt import (
    NO_URLS,
    USUAL_ROLE,
    length,
    picture_size,
    printed_length,
    stands_alone,
)


class ContentPart(Struct, omit_defaults=True):
    """A piece of text, or a picture as a data: URL."""

    type: str
    text: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None  # refused: no file is kept here


class Summary(Struct, omit_defaults=True):
    text: str
    type: str | None = None


class InputItem(Struct, omit_defaults=True):
    """A message, a call of a function, what the function gave, or what the model thought."""

    type: str | None = None
    role: str | None = None
    content: str | list[ContentPart] | UnsetType | None = UNSET
    id: str | None = None
    status: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[ContentPart] | None = None
    summary: list[Summary] | None = None
    encrypted_content: str | None = None

    def parts(self) -> Iterator[ContentPart]:
        """Those of its content and its output."""
        for value in (self.content, self.output):
            if isinstance(value, list):
                yield from value

    def spell_out(self) -> None:
        """Give what the model thought as its content as well, which llama.cpp reads, and needs."""
        if self.type == "reasoning":
            self.summary = self.summary or []
            thought = "\n\n".join(one.text for one in self.summary)
            self.content = self.content or [ContentPart("reasoning_text", thought)]

    def size(self) -> int:
        """UTF-8 bytes of everything in it that a template may put into the prompt."""
        texts = [self.call_id, self.name, self.encrypted_content]
        texts += [value for value in (self.content, self.output) if isinstance(value, str)]
        texts += [one.text for one in self.summary or ()]
        size = sum(map(length, texts)) + printed_length(self.arguments)
        size += max(0, length(self.role) - USUAL_ROLE)
        for part in self.parts():
            size += length(part.text)
            size += picture_size(part.image_url)
        return size


def refusal(items: list[InputItem]) -> Refusal | None:
    """Why these cannot be passed on, if so."""
    for at, item in enumerate(items):
        for part in item.parts():
            if part.file_id and not part.image_url:
                return Refusal("invalid_request", NO_FILES, param=f"input[{at}]")
            part.file_id = None
            if not stands_alone(part.image_url):
                return Refusal("invalid_request", NO_URLS, param=f"input[{at}]")
    return None
