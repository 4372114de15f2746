"""What is known of one model on one model server."""

from typing import Any

import msgspec


class Model(msgspec.Struct, frozen=True):
    """`id` as the server lists it. Lengths in tokens; None and 0: it does not say.

    `context_length`: the longest that the model can have. `num_ctx` and `num_predict`: what its
    Modelfile sets, which hold where a request names none. `system_bytes`: a built-in prompt;
    `template_bytes`: what its template writes by itself.
    `context`: the longest that it is ever loaded with, for a request that names none.
    """

    id: str
    remote: bool = False
    context_length: int | None = None
    num_ctx: int = 0
    num_predict: int = 0
    system_bytes: int = 0
    template_bytes: int = 0
    context: int | None = None

    def __post_init__(self) -> None:
        known = [one for one in (self.context_length, self.num_ctx) if one]
        msgspec.structs.force_setattr(self, "context", min(known, default=None))

    @property
    def built_in(self) -> int:
        """The most tokens of a prompt that no client sent."""
        return self.system_bytes + self.template_bytes


class Loaded(msgspec.Struct, frozen=True):
    """A model in memory: tokens of context, bytes in all, bytes of them on the GPU, and until when
    it stays."""

    context_length: int = 0
    size: int = 0
    size_vram: int = 0
    expires_at: Any = None

    @property
    def processor(self) -> str:
        """As `ollama ps` says it; empty: not known."""
        if not self.size:
            return ""
        gpu = round(100 * min(self.size_vram, self.size) / self.size)
        if gpu in {0, 100}:
            return "100% GPU" if gpu else "100% CPU"
        return f"{100 - gpu}%/{gpu}% CPU/GPU"
