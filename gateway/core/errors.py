"""A refusal, as every part of the gateway gives one.

It is a value, not an exception: the pipeline returns it, and the dialect of the route puts it into
the form its clients expect.
"""

import msgspec

from gateway.core.error_kinds import KINDS, Kind


class Refusal(msgspec.Struct, frozen=True):
    """One refusal: a code of `KINDS` and the values that fill in its text.

    `retry_after_ms` becomes the Retry-After header; `param` names the offending field, as OpenAI's
    errors do. `tokens` of at most `limit`: of what is too long. `words`: instead of the text of the
    table, where the clients of a dialect look for others.
    """

    reason: str
    detail: str = ""
    model: str = ""
    param: str | None = None
    retry_after_ms: int | None = None
    tokens: str = ""
    limit: str = ""
    words: str = ""

    def about(self, model: str) -> "Refusal":
        """The same, where it is about a model, with the name by which the client asked for it."""
        return msgspec.structs.replace(self, model=model[:200]) if self.model else self

    @property
    def kind(self) -> Kind:
        return KINDS[self.reason]

    @property
    def retry_after(self) -> int:
        """Whole seconds to wait, rounded up; 1 at least."""
        return max(1, -(-(self.retry_after_ms or 0) // 1000))

    @property
    def message(self) -> str:
        return (self.words or self.kind.text).format(
            detail=self.detail,
            model=self.model,
            wait=self.retry_after,
            tokens=self.tokens,
            limit=self.limit,
        )


SHUTTING_DOWN = Refusal("shutting_down", retry_after_ms=5000)
