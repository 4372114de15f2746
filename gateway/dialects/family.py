"""What a family is: what the clients of one API expect of every route that they call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec import Struct

from gateway.core.errors import Refusal


class Framing(NamedTuple):
    """How the events of a stream stand in its bytes."""

    media: bytes  # the content type that clients are told
    separator: bytes  # ends each event
    heartbeat: bytes  # what clients skip, sent while there is nothing else; %s: what is going on


SSE = Framing(b"text/event-stream; charset=utf-8", b"\n\n", b": %s\n\n")
# Ollama's clients pass over white space before the next object: tried with `ollama` 0.6 for Python
# (tests/e2e/ollama/client) and JavaScript (tests/e2e/examples/test_node_signs_of_life.py), read in
# the Go package of the `ollama` command. At an empty line Python's fails and JavaScript's warns on
# the console; at white space behind the last line Python's fails.
NDJSON = Framing(b"application/x-ndjson", b"\n", b" ")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Family:
    """One family. It stands as `FAMILY` in a module of its folder, and is found there."""

    name: str
    prefixes: tuple[str, ...]  # its paths begin so; of several families the longest prefix decides
    framing: Framing  # of its streams
    error_shape: type[Struct]  # what a refusal looks like: for the reference
    make_error: Callable[[Refusal, str], Struct]  # a refusal in that shape, and the request's id
    error_event: Callable[[bytes], bytes]  # ends a stream that failed; of the JSON of its error
    # What its clients look for in the text of some refusals, instead of what `KINDS` has.
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    request_id_headers: tuple[bytes, ...] = ()  # that tell the request's id, beside x-request-id
