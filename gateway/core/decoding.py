"""Decode JSON that another program wrote: whatever is wrong with it is one and the same thing."""

from typing import TypeVar

import msgspec

T = TypeVar("T")

# Not JSON or of another shape; not UTF-8; nested beyond what can be read.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(data: bytes, shape: type[T]) -> T | None:
    """The data as `shape`, or None if it cannot be read so."""
    try:
        return msgspec.json.decode(data, type=shape)
    except UNREADABLE:
        return None
