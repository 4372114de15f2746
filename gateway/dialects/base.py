"""What every dialect gives the pipeline: a checked request and what it may cost."""

from typing import Any

from msgspec import Struct


class Sanitised(Struct):
    """One request after all checks that need no database. Sizes in bytes, bounds in tokens."""

    model: str  # canonical name
    cloud: bool  # its spelling leaves the machine
    stream: bool
    wants_usage: bool  # the client asked to see the usage chunk
    prompt_bytes: int
    messages: int
    prompt_bound: int  # no tokenizer makes more of it
    max_output: int | None  # the client's cap; None: none given
    request: Any  # the dialect's own struct
