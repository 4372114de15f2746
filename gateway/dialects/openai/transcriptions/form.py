"""Read the form in which clients send a recording."""

import io
import re
from base64 import b64encode
from typing import Any

import msgspec
import multipart

from gateway.core.errors import Refusal
from gateway.dialects.openai.transcriptions.request import TranscriptionRequest

_BOUNDARY = re.compile(rb"\A(?:\r\n)*--([!-~]{1,70})[ \t]*\r\n")  # as the first line has it
_FIRST = 1024  # bytes in which that line ends; 20 MB of line ends would hold everybody up
_MOST_FIELDS = 64
_FIELDS = {one.encode_name for one in msgspec.structs.fields(TranscriptionRequest)}
_NUMBERS = {"temperature", "max_tokens"}  # a form has texts only
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,12})?", re.ASCII)


def to_json(body: bytes | bytearray) -> bytes | bytearray | Refusal:
    """The form's fields as JSON, with the file as base64. A body that is no form is left as it
    is."""
    found = _BOUNDARY.match(body, 0, _FIRST)
    if found is None:
        return body
    fields: dict[str, str | float] = {}
    try:
        parts: Any = multipart.MultipartParser(  # its types say nothing
            io.BytesIO(body),
            found[1].decode("ascii"),
            part_limit=_MOST_FIELDS,
            memory_limit=len(body) + 1,
            spool_limit=len(body) + 1,  # nothing goes to the disk
        )
        for part in parts:
            name: str = part.name or ""
            if name not in _FIELDS:
                continue
            if name in fields:
                return Refusal("invalid_request", f"The field '{name[:80]}' stands twice.")
            if name == "file":
                fields[name] = b64encode(part.raw).decode()
            elif _NUMBER.fullmatch(part.value) and name in _NUMBERS:
                fields[name] = float(part.value)
            elif part.value:
                fields[name] = part.value
    except (multipart.MultipartError, UnicodeDecodeError):
        return Refusal("invalid_request", "The body is not a valid form.")
    return msgspec.json.encode(fields)
