"""What the caller of a pull is told, in the language of its route. One teller for each caller."""

from typing import Protocol

import msgspec

from gateway.dialects.family import Family
from gateway.dialects.ollama.family import FAMILY as OLLAMA
from gateway.dialects.openai.family import FAMILY as OPENAI
from gateway.dialects.shared import sse
from gateway.pulls.messages import OllamaPullLine, state
from gateway.pulls.progress import Progress


class Teller(Protocol):
    """`family`: whose streams it speaks in."""

    @property
    def family(self) -> Family: ...

    def news(self, progress: Progress) -> bytes:
        """The events of what has changed since the last call; b"": nothing has."""
        ...

    def end(self, progress: Progress) -> bytes:
        """The last events of a stream that succeeded."""
        ...

    def whole(self, progress: Progress) -> bytes:
        """The one answer of a pull that succeeded."""
        ...


class OwnTeller:
    """`/v1/models/pull`: one state of the whole pull after the other."""

    family = OPENAI

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._told = b""

    def news(self, progress: Progress) -> bytes:
        encoded = self._encoded(progress, done=False)
        if encoded == self._told:
            return b""
        self._told = encoded
        return sse.write(encoded)

    def end(self, progress: Progress) -> bytes:
        return sse.write(self.whole(progress)) + sse.write(b"[DONE]")

    def whole(self, progress: Progress) -> bytes:
        return self._encoded(progress, done=True)

    def _encoded(self, progress: Progress, *, done: bool) -> bytes:
        return msgspec.json.encode(state(progress, self._shown, done=done))


class OllamaTeller:
    """`/api/pull`: lines as Ollama says them, a layer in each, so that its clients draw a bar for
    each. Who joins later is told of all layers first."""

    family = OLLAMA

    def __init__(self) -> None:
        self._status = ""
        self._layers: dict[str, tuple[int, int]] = {}

    def news(self, progress: Progress) -> bytes:
        lines: list[OllamaPullLine] = []
        for digest, (completed, total) in progress.layers.items():
            if self._layers.get(digest) != (completed, total):
                self._layers[digest] = completed, total
                name = f"pulling {digest.removeprefix('sha256:')[:12]}"
                lines.append(OllamaPullLine(name, digest, total, completed))
        if progress.phase not in {"layers", self._status}:
            self._status = progress.phase
            lines.append(OllamaPullLine(progress.status))
        return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)

    def end(self, progress: Progress) -> bytes:
        return self.news(progress)  # its last line says success

    def whole(self, progress: Progress) -> bytes:
        return msgspec.json.encode(OllamaPullLine(progress.status))
