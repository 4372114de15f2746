"""Decode JSON from another program. All ways in which it can be unusable give the same result."""

from typing import TypeVar

import msgspec

T = TypeVar("T")

# Not JSON, or another shape; not UTF-8; nested too deeply.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(data: bytes, shape: type[T]) -> T | None:
    """The data as `shape`, or None if it is anything else."""
    try:
        return msgspec.json.decode(data, type=shape)
    except UNREADABLE:
        return None
