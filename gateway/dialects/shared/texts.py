"""The text of blocks that no model server reads, which is kept as part of the prompt."""

import base64
import binascii
from typing import Any, cast

from gateway.dialects.shared.kinds import Json

_FIELDS = ("title", "source", "text", "refusal", "thinking", "summary", "tool_name")


def text_of(thing: Any) -> str:
    """What can be read of a block, or of several: its title, its text, and that of what it holds.
    Nothing of what is encoded, fetched or kept elsewhere."""
    if isinstance(thing, str):
        return thing
    if isinstance(thing, list):
        return "\n".join(filter(None, map(text_of, cast(list[Any], thing))))
    if not isinstance(thing, dict):
        return ""
    block = cast(Json, thing)
    texts = [block[name] for name in _FIELDS if isinstance(block.get(name), str)]
    texts.append(text_of(block.get("content")))
    source: Any = block.get("source")
    if isinstance(source, dict):
        texts.append(_source_text(cast(Json, source)))
    return "\n".join(filter(None, texts))


def _source_text(source: Json) -> str:
    """Of a document: as it stands there, or in blocks."""
    data: Any = source.get("data")
    if source.get("type") == "text" and isinstance(data, str):
        return data
    return text_of(source.get("content")) if source.get("type") == "content" else ""


def file_text(data: Any) -> str:
    """The text of a file that came as a `data:` URL of a text type; "" of any other."""
    if not isinstance(data, str) or not data.startswith("data:"):
        return ""
    head, _, encoded = data.partition(",")
    if not head.startswith(("data:text/", "data:application/json")) or ";base64" not in head:
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
