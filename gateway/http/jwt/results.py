"""What can stand in the way of a token. Values, not exceptions: the caller makes a refusal."""

from typing import NamedTuple


class Problem(NamedTuple):
    """The token is wrong. `why` goes on "the token …"; `remedy` is a sentence or nothing."""

    why: str
    remedy: str = ""


class Away(NamedTuple):
    """The keys that the token needs cannot be had now; they are asked for again in so long."""

    retry_after_ms: int
