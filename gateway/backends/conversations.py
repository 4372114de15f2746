"""Which machine has read the beginning of a conversation: there its follow-ups are answered sooner.

A client sends the whole conversation each time, and a model server that has read the most of it
reads only the rest. A conversation is known again by all that stands before the model's first
answer: instructions, and what was asked. Of that only a hash is kept, in memory: with a secret that
this process made, over the key and the visitor too, so that nobody learns of another's.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, cast

from gateway.backends.backend import Backend
from gateway.dialects.protocol import Sanitised

MOST = 4096  # conversations; those that were continued last are kept
_PIECE = 1024  # characters of a text's beginning, and of its end: programs begin theirs alike
_MOST_TEXTS = 16  # and as many messages, and parts of each
_TEXT = 1024  # characters: a text that is gone on with is known again by so many
_TOKENS = 64  # the same of Ollama's `context`
_BEFORE = {"system", "developer", "user"}  # who speaks before the first answer
# Where texts and pictures stand, in the messages of all dialects.
_INSIDE = ("content", "text", "images", "image_url", "url", "source", "data", "input_audio")


class Conversations:
    """`stayed` and `moved`: follow-ups that went to the machine that had read them, or not."""

    def __init__(self) -> None:
        self.stayed = 0
        self.moved = 0
        self._secret = token_bytes(32)
        # Where each was read last, and what `Backend.emptied` was then.
        self._read: OrderedDict[bytes, tuple[Backend, int]] = OrderedDict()

    def beginning(
        self, who: Hashable, request: Sanitised, backends: tuple[Backend, ...]
    ) -> bytes | None:
        """The hash. `who`: the key and its visitor. None: there is nothing to choose, or nothing to
        know the conversation by."""
        if len(backends) == 1 or request.max_output == 0:
            return None
        whose = repr((who, request.model)).encode()
        name = blake2b(whose, digest_size=16, key=self._secret)
        known = False
        for number, text in enumerate(_texts(request.parsed)):
            if number == _MOST_TEXTS:
                break
            known = True
            some = text if len(text) <= 2 * _PIECE else text[:_PIECE] + text[-_PIECE:]
            name.update(b"\0%d\0" % len(text) + some.encode("utf-8", "surrogatepass"))
        return name.digest() if known else None

    def reader(self, beginning: bytes) -> Backend | None:
        """Who has it still in memory, as far as that is known."""
        found = self._read.get(beginning)
        return found[0] if found and found[0].emptied == found[1] else None

    def given(self, beginning: bytes, backend: Backend, *, again: bool) -> None:
        """The backend gets it now. `again`: another has failed before, and it is counted."""
        if beginning in self._read and not again:
            stayed = self.reader(beginning) is backend
            self.stayed += stayed
            self.moved += not stayed
        self._read[beginning] = backend, backend.emptied
        self._read.move_to_end(beginning)
        if len(self._read) > MOST:
            self._read.popitem(last=False)


def _texts(request: Any) -> Iterator[str]:
    """Of the structs of all dialects, what stands before the model's first answer."""
    for name in ("system", "instructions"):
        yield from _inside(getattr(request, name, None))
    prompt, context = getattr(request, "prompt", None), getattr(request, "context", None)
    if context:  # of Ollama's generate: the conversation so far, as tokens
        yield repr(context[:_TOKENS])
    elif isinstance(prompt, str) and len(prompt) >= _TEXT:
        yield prompt[:_TEXT]
    said: Any = getattr(request, "messages", None) or getattr(request, "input", None)
    if isinstance(said, str):
        yield said
    asked = False
    for message in cast(list[Any], said)[:_MOST_TEXTS] if isinstance(said, list) else ():
        role = getattr(message, "role", None)
        if asked and role not in _BEFORE:
            break
        asked = asked or role == "user"
        yield from _inside(message)


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in cast(list[Any], value)[:_MOST_TEXTS]:
            yield from _inside(one)
    elif value is not None:
        for name in _INSIDE:
            found = getattr(value, name, None)
            if found:
                yield from _inside(found)
