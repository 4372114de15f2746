"""What OpenAI's routes share of what is translated: freeform tools become functions with one text
as their parameter, and files of text become text."""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.core.decoding import decode
from gateway.dialects.shared.kinds import Json
from gateway.dialects.shared.strict_json import Refused
from gateway.dialects.shared.texts import file_text, text_of

NO_FILES = (
    "Files are neither fetched nor kept here: send a file as text, or as a data: URL of a text."
)
CUSTOM = "To a function with one string parameter, `input`."
FILE = "Text of a `data:` URL is kept; a file's id or URL is refused."


def free_function(tool: Json) -> Json:
    """A freeform tool as a function."""
    text: Any = tool.get("description")
    said = {"description": text} if isinstance(text, str) else {}
    properties = {"input": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["input"]}
    return {"name": tool.get("name"), **said, "parameters": schema}


def free_arguments(call: Json) -> str:
    """What a freeform tool was called with, as the arguments of that function."""
    return msgspec.json.encode({"input": text_of(call.get("input"))}).decode()


def name_no_arguments(call: Json) -> None:
    """Write as JSON that a function was called without arguments: some models write nothing, and
    it comes back so, but Ollama's chat and llama.cpp refuse what is no JSON."""
    if call.get("arguments") in (None, ""):
        call["arguments"] = "{}"


class _FreeArguments(Struct):
    input: str


def free_text(arguments: str) -> str:
    """What a freeform tool is called with, of the arguments that a model wrote for that function.
    A model that wrote others is shown to the tool as it is."""
    found = decode(arguments.encode(), _FreeArguments)
    return found.input if found else arguments


def read_file(file: Json) -> str:
    """The text of a file; "" where it has none. Raises `Refused` for one that is elsewhere."""
    data: Any = file.get("file_data")
    if not data and (file.get("file_id") or file.get("file_url")):
        raise Refused(NO_FILES, "file_id" if file.get("file_id") else "file_url")
    return file_text(data)
