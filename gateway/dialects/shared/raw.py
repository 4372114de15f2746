"""Read a part of an answer, and leave all else in it as it came, to the byte."""

from typing import Any

from msgspec import Raw

from gateway.core.decoding import decode
from gateway.dialects.shared import sse

Object = dict[str, Any]  # its values are `Raw` until something else takes their place


def opened(raw: Raw | bytes | None) -> Object:
    """{} for what is none."""
    found = None if raw is None else decode(bytes(raw), dict[str, Raw])
    return {**found} if found else {}


def data_of(event: bytes) -> Object:
    """What an event of a stream tells; {} for a comment."""
    # Between two values a line end is a blank, and it would end the line of data.
    return opened(sse.data(event).replace(b"\n", b" "))


def text_of(raw: Raw | None) -> str:
    """ "" for what is none."""
    return (None if raw is None else decode(bytes(raw), str)) or ""
