"""What a dialect says of itself to readers: to the API pages and to the metering table."""

from typing import Any, NamedTuple

from msgspec import Struct

EXAMPLE_MODEL = "qwen2.5:7b"


class Metering(NamedTuple):
    """By what a route's answers are counted, and what their cap is called: one row of the metering
    table. A field is named by its path, such as `usage.prompt_tokens`."""

    prompt: tuple[str, ...]  # added up; none: the model server does not say
    completion: str  # "": nothing is generated
    event: str = ""  # which event of a stream reports, in words; "": it never streams
    inside: str = ""  # what of that event holds the fields
    caps: tuple[str, ...] = ()  # the caller's names for the most tokens of an answer
    sent_as: str = ""  # the name under which the model server gets the granted number
    note: str = ""


class Place(NamedTuple):
    """What becomes of each type that can stand in one place of a request. `rows`: the type, what
    becomes of it, and a note."""

    title: str
    rows: tuple[tuple[str, str, str], ...]


class Reference(NamedTuple):
    """What the reference and the OpenAPI document say of a route. `answer` and `event` are shapes,
    None: any object. The examples are values; that of a stream is its text."""

    name: str  # the operation's id, for programs that are made from the document
    group: str
    summary: str
    text: str
    request: type[Struct]  # what the body of a request is read as
    example: Any
    answer: type[Struct] | None
    answer_example: Any
    metering: Metering
    event: type[Struct] | None = None
    stream_example: str = ""
    places: tuple[Place, ...] = ()
    form: bool = False  # the body may be multipart/form-data
