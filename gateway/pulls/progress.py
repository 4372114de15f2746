"""How far a pull has come, from the lines that Ollama says of it: bytes in, a state out, no I/O.

Ollama names one layer after the other, each with its size and what is there of it, some 16 times a
second and also when nothing comes: the same line again is no news.
"""

from typing import Annotated

import msgspec

from gateway.backends.errors import in_public
from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Count

_MOST_LAYERS = 10_000  # a model has a few, one of tensors some thousand at most
_LONGEST_LINE = 64 * 1024  # bytes
_NO_SUCH_MODEL = "file does not exist"  # how Ollama words the registry's 404
_NOT_READABLE = Refusal("upstream_error", "What the model server says of the pull cannot be read.")

Said = Annotated[str, msgspec.Meta(max_length=4096)]


class _Line(msgspec.Struct):
    status: str = ""
    error: str | None = None
    digest: Said = ""
    total: Count = 0
    completed: Count = 0


class Progress:
    """`status` in Ollama's words. `completed` of `total` bytes of the layers it has named so far.

    `succeeded` or `failure`: nothing comes behind it. `changes` counts what was news.
    """

    def __init__(self) -> None:
        self.status = "waiting for the model server"
        self.completed = 0
        self.total = 0
        self.phase = ""  # what it is at; all layers are one
        self.succeeded = False
        self.failure: Refusal | None = None
        self.changes = 0
        self.layers: dict[str, tuple[int, int]] = {}  # digest: completed, total
        self._rest = b""

    @property
    def over(self) -> bool:
        return self.succeeded or self.failure is not None

    def feed(self, chunk: bytes) -> None:
        """The next bytes of Ollama's answer."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._read(line)
        if len(self._rest) > _LONGEST_LINE:
            self._fail(_NOT_READABLE)

    def end(self) -> None:
        """The answer has ended: its last line may lack its line end."""
        self._read(self._rest)
        if not self.over:
            self._fail(Refusal("upstream_error", "The model server ended the pull half-way."))

    def _read(self, text: bytes) -> None:
        if self.over or not text.strip():
            return
        line = decode(text, _Line) if len(text) <= _LONGEST_LINE else None
        if line is None:
            self._fail(_NOT_READABLE)
        elif line.error is not None:
            self._fail(_refusal(line.error))
        else:
            self._take(line)

    def _take(self, line: _Line) -> None:
        before = self.status, self.completed, self.total
        self.status = in_public(line.status)
        if line.digest:
            self._count(line)
        self.phase = "layers" if line.digest else self.status
        self.succeeded = line.status == "success"
        if before != (self.status, self.completed, self.total):
            self.changes += 1

    def _count(self, line: _Line) -> None:
        completed, total = self.layers.get(line.digest, (0, 0))
        if not total and len(self.layers) >= _MOST_LAYERS:
            return
        counted = min(line.completed, line.total), line.total
        self.layers[line.digest] = counted
        self.completed += counted[0] - completed
        self.total += counted[1] - total

    def _fail(self, refusal: Refusal) -> None:
        self.failure = self.failure or refusal
        self.changes += 1


def _refusal(words: str) -> Refusal:
    detail = in_public(words) or "The model server could not pull the model."
    missing = words.rstrip().endswith(_NO_SUCH_MODEL)
    return Refusal("upstream_not_found" if missing else "upstream_failed", detail)
