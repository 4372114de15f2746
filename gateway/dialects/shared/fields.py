"""Fields that requests of several dialects have, and how their values are read."""

from typing import Annotated

from msgspec import Meta

# As wide as Go's int, in which Ollama reads it.
Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
# A choice such as an effort, which some templates print: too short to matter in the prompt.
Choice = Annotated[str, Meta(max_length=64)]
TopK = Annotated[int, Meta(ge=-1, le=2**31 - 1)]  # as wide as the C int that becomes of it
Logprobs = Annotated[int, Meta(ge=0, le=20)]  # how many of the likeliest tokens are told
ModelName = Annotated[
    str | None,
    Meta(description="A name that GET /v1/models lists; left out: the server's default model."),
]
MOST_TOKENS = Meta(
    description="Most tokens of the answer; cut to what the key has left this month."
)
STREAM = Meta(description="true: server-sent events as the answer grows.")


def least_cap(*given: int | None) -> int | None:
    """The client's cap on the answer: the least of these that is one. 0 and less is none."""
    caps = [cap for cap in given if cap and cap > 0]
    return min(caps) if caps else None
