"""How many tokens a prompt probably has that was forwarded, where the model server does not say.

A quarter of its bytes would be far too few for digits or rare scripts. What it is made of is told
by a sample of it, so that the prompt itself need not be kept; where that was taken, no caller can
know.
"""

import math
import random
import re

from gateway.dialects.shared.estimate import estimate_tokens

BYTES_PER_TOKEN = 4  # at most: no text is taken for less
PROMPT_OVERHEAD = 8  # tokens a chat template usually adds to a message
_PIECES, _PIECE = 4, 1024  # bytes
_ENCODED = re.compile(rb"[A-Za-z0-9+/]{128,}=*")  # pictures: their bytes are no text
_DIGITS = b"0123456789"


def sample(body: bytes) -> bytes:
    """Some of a request: all of a small one."""
    if len(body) <= _PIECES * _PIECE:
        return body
    places = (random.randrange(len(body) - _PIECE) for _ in range(_PIECES))  # noqa: S311
    return b" ".join([body[at : at + _PIECE] for at in places])


def estimate_prompt(size: int, messages: int, seen: bytes = b"", ratio: float = 1.0) -> int:
    """Tokens of a prompt of `size` bytes in so many messages. `seen`: a sample of it; `ratio`: how
    its model's prompts compare with such estimates."""
    text = _ENCODED.sub(_unless_encoded, seen)
    dense = estimate_tokens(text) / len(text) if text else 0.0
    return math.ceil(size * ratio * max(dense, 1 / BYTES_PER_TOKEN)) + PROMPT_OVERHEAD * messages


def _unless_encoded(found: re.Match[bytes]) -> bytes:
    """In base64 one of six characters is a digit. A run with many more is read as what it is."""
    run = found[0]
    digits = len(run) - len(run.translate(None, _DIGITS))
    return b"" if digits < 0.3 * len(run) else run
