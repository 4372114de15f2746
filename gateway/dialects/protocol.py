"""What a dialect is: one file that reads a client's requests and the model server's answers.

A dialect knows nothing of stores and sockets. The pipeline asks it what a request may cost, the
meter what an answer says. To add one, put a file with a `DIALECTS` tuple into this folder.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Protocol

from msgspec import Meta, Struct

from gateway.core.errors import Refusal

Count = Annotated[int, Meta(ge=0, le=2**40)]  # anything else is no count


class Privilege(NamedTuple):
    """A scope that a request needs besides its route's own."""

    scope: str
    field: str  # what of the request needs it, as the client writes it
    why: str  # what follows the field's name to say so


class Sanitised(Struct):
    """One request after all checks that need no database. Sizes in bytes, bounds in tokens."""

    model: str  # canonical name; empty: none was named, and the default one is asked
    cloud: bool  # its spelling leaves the machine
    stream: bool
    wants_usage: bool  # the client asked to see the usage chunk
    prompt_bytes: int
    messages: int
    prompt_bound: int  # no tokenizer makes more of it
    max_output: int | None  # the client's cap; None: none given, 0: nothing is generated
    request: Any  # the dialect's own struct, with the field `model`
    alias: str | None = None  # the name that answers show, where it is not the model's own
    sent: str = ""  # the name that the model server was asked for
    inputs: int = 1  # prompts in it, each of which may fill the model's context
    context: int = 0  # tokens of context that the model is to be loaded with; 0: it says nothing
    fills_context: bool = False  # however few its bytes, its prompt may be that long
    privilege: Privilege | None = None


class Usage(Struct, frozen=True):
    """Tokens as the model server reports them."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0

    def reported(self) -> "Usage | None":
        """Itself, unless it is 0/0: that stands beside a text when the repeat guard struck."""
        return self if self.prompt_tokens or self.completion_tokens else None


class Event(NamedTuple):
    """What one event of a stream says. `extra`: only who asked for the usage may see it; `plain`:
    what all others see in its stead."""

    usage: Usage | None = None
    ends: bool = False  # nothing comes behind it
    extra: bool = False
    failed: bool = False  # it ends, and it is the model server's word that something broke
    plain: bytes | None = None
    prompt: int = 0  # tokens of it, told before any text; for a report that leaves them out


class Body(NamedTuple):
    """What one whole answer says. `complete`: the model came to an end; `broken`: it is not the
    JSON that it should be."""

    usage: Usage | None = None
    text: int = 0  # bytes of it that were generated
    complete: bool = True
    broken: bool = False


class Framing(NamedTuple):
    """How the events of a stream stand in its bytes."""

    media: bytes  # the content type that clients are told
    separator: bytes  # ends each event
    pulse: bytes  # a sign of life that clients skip; %s: what is going on


SSE = Framing(b"text/event-stream; charset=utf-8", b"\n\n", b": %s\n\n")
# Ollama's clients pass over white space before the next object: tried with `ollama` 0.6 for Python
# and JavaScript (e2e/ollama_client/, examples/test_node_signs_of_life.py), read in the Go
# package of the `ollama` command. At an empty line Python's fails and JavaScript's warns on the
# console; at white space behind the last line Python's fails.
NDJSON = Framing(b"application/x-ndjson", b"\n", b" ")


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


class Reference(NamedTuple):
    """What the reference and the OpenAPI document say of a route. `answer` and `event` are shapes,
    None: any object. The examples are values; that of a stream is its text."""

    name: str  # the operation's id, for programs that are made from the document
    group: str
    summary: str
    text: str
    request: type[Struct]
    example: Any
    answer: type[Struct] | None
    answer_example: Any
    metering: Metering
    event: type[Struct] | None = None
    stream_example: str = ""


class Dialect(Protocol):
    """One route. Values that are the same for all its requests stand in the class."""

    reference: Reference

    path: str  # what clients call
    upstream: str  # what the model server is asked
    scope: str  # what a key needs
    framing: Framing | None  # None: it never streams
    native: bool  # only Ollama has it
    report_markers: tuple[bytes, ...]  # one of them is in every event that the meter has to read
    text_marker: bytes  # stands once in each event that carries text
    text_start: re.Pattern[bytes]  # where generated text begins in a whole answer

    def sanitise(self, body: bytes | bytearray) -> Sanitised | Refusal:
        """Check a request and say what it may cost."""
        ...

    def serialise(self, sanitised: Sanitised, granted: int) -> bytes | Refusal:
        """The request as it goes upstream: our own JSON, with the granted output as its cap."""
        ...

    def read_event(self, event: bytes) -> Event:
        """An event, without its separator, that holds one of `report_markers`."""
        ...

    def text_size(self, event: bytes) -> int:
        """Bytes of generated text in one event; 0 where it cannot be read."""
        ...

    def read_body(self, body: bytes) -> Body:
        """One whole answer."""
        ...

    def error_event(self, error: bytes) -> bytes:
        """The last event of a stream that failed; `error` is the JSON of its refusal."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Family:
    """What the clients of one API expect of every route that they call, whether it is there or not.

    To add one, put a folder into this package with a module that has it as `FAMILY`."""

    name: str
    prefixes: tuple[str, ...]  # its paths begin so; of several families the longest prefix decides
    framing: Framing  # of its streams
    error_shape: type[Struct]  # for the reference
    make_error: Callable[[Refusal, str], Struct]  # the same, filled; the text is the request's id
    error_event: Callable[[bytes], bytes]  # ends a stream that failed; of the JSON of its error
    request_id_headers: tuple[bytes, ...] = ()  # that tell the id of a request, beside x-request-id


class AnswerContext(NamedTuple):
    """What a dialect with words of its own tells beside what the model server said."""

    id: str  # of the request
    model: str  # as the client knows it
    usage: Callable[[], Usage]  # what the key is charged for what has come so far


class Translation(Protocol):
    """A dialect's `translator`, where its answers are not the model server's own: it gives what
    makes the one of the other. The meter reads the model server's."""

    def __call__(self, context: AnswerContext, *, whole: bool) -> Callable[[bytes], bytes]:
        """For a `whole` answer that `read_body` took for one, or for whole events, as often as some
        have come: `read_event` says which of them break the stream."""
        ...
