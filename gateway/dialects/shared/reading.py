"""What the readers of answers share: how long generated text is, and what an odd answer is."""

import msgspec
from msgspec import Raw

from gateway.dialects.protocol import Body


def raw_size(value: Raw) -> int:
    """Bytes of a JSON value as it stands in the answer. A text is taken with its escapes, so that
    what stands around it is as long in every event of a kind; without its quotes."""
    text = bytes(value)
    if text.startswith(b'"'):
        return len(text) - 2
    return 0 if text == b"null" else len(text)


def plain_size(value: Raw) -> int:
    """UTF-8 bytes of a text, or of another value as it stands there. Raises `UNREADABLE`."""
    text = bytes(value)
    return (
        len(msgspec.json.decode(text, type=str).encode()) if text[:1] == b'"' else raw_size(value)
    )


def unreadable(problem: Exception, body: bytes) -> Body:
    """An answer that is no JSON is broken; one of another shape was generated all the same."""
    if isinstance(problem, msgspec.ValidationError) and body.lstrip().startswith(b"{"):
        return Body(text=len(body), complete=False)
    return Body(broken=True)
