"""How long the prompt can be that a template makes of a request, and what all requests share of it.

A token is a byte or more of text, so a prompt has no more tokens than bytes, and what its template
adds. That bound is reserved before the model is asked: a key is never overspent.
"""

import re

from gateway.core.errors import Refusal
from gateway.dialects.shared import strict_json

MESSAGE_OVERHEAD = 32  # tokens that a template may add to a message or call
TOOL_OVERHEAD = 128  # what a template writes around one
USUAL_ROLE = 16  # bytes of a role that the overhead covers
IMAGE_FLOOR = 4096  # a small file can still be a large picture
# Tokens of one picture, whatever its bytes: what Qwen's models make of the largest that they take,
# 12.8 million pixels in squares of 28. No other model in use makes as many.
PICTURE_BOUND = 16_384
NO_URLS = "Pictures are not fetched: send them as data: URLs with base64."

# Bytes by which what a template prints can be longer than compact JSON, at each of these.
_LONGER = (
    (re.compile(rb"[<>&]"), 5),  # Go's JSON: \u003c
    (re.compile(rb"\xe2\x80[\xa8\xa9]"), 3),  # \u2028
    (re.compile(rb"\\[bf]"), 4),  # \u0008
    (re.compile(rb"\d[eE]"), 20),  # 1e20 is written out
    (re.compile(rb","), 1),  # Jinja's JSON: a blank behind it
    # XML of each key: qwen3-coder writes <parameter><name>…, GLM <arg_key>…</arg_key><arg_value>…
    (re.compile(rb'"\s*:'), 40),
)


def prompt_bound(size: int, *, messages: int, tools: int = 0) -> int:
    """The most tokens of a prompt with so many bytes of text."""
    return size + MESSAGE_OVERHEAD * messages + TOOL_OVERHEAD * tools


def printed_size(*values: object) -> int | Refusal:
    """Bytes that a template makes of things it prints as JSON, or as XML; None: nothing."""
    size = 0
    for value in filter(None, values):
        text = strict_json.encode(value)
        if isinstance(text, Refusal):
            return text
        size += _printed(text)
    return size


def printed_length(text: str | None) -> int:
    """The same of a text that is JSON already."""
    return _printed(text.encode("utf-8", "surrogatepass")) if text else 0


def _printed(text: bytes) -> int:
    return len(text) + sum(more * len(shape.findall(text)) for shape, more in _LONGER)


def length(text: str | None) -> int:
    """Bytes of a text in UTF-8."""
    if not text:
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def picture_size(data: str | None) -> int:
    """What a picture adds to the size of a prompt. `data`: base64, or a URL with it."""
    return min(max(len(data), IMAGE_FLOOR), PICTURE_BOUND) if data else 0


def stands_alone(url: str | None) -> bool:
    """Whether the picture is in the request itself. Other model servers than Ollama would fetch it
    from wherever the caller says, the owner's own network too."""
    return url is None or url.startswith("data:")
