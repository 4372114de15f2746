"""Streams: how they are framed, kept alive, ended and broken off."""

import re

from gateway.config.settings import rows
from gateway.core.errors import Refusal
from gateway.dialects import all_dialects, error_body
from gateway.dialects.protocol import NDJSON, SSE, Dialect, Framing
from gateway.reference.blocks import Code, Paragraph, Section, Table, listed
from gateway.reference.table import ROUTES

_REQUEST_ID = "0b8f9c1e-…"
_NAMES = {SSE: "Server-sent events", NDJSON: "One JSON object a line"}
_PULSES = {
    SSE: "a comment, such as `: waiting, position 3` or `: working`, and an empty line",
    NDJSON: "a blank before the next object",
}


def streaming() -> Section:
    silence = next(shown for name, shown, _ in rows() if name == "HEARTBEAT_SECONDS")
    framings = tuple(
        (
            name,
            f"`{framing.media.decode()}`",
            listed([path for path, _ in _streams(framing)]),
            _PULSES[framing],
        )
        for framing, name in _NAMES.items()
    )
    broken: dict[str, list[str]] = {}
    for one in all_dialects():
        if one.framing:
            broken.setdefault(_broken(one), []).append(one.path)
    ends = tuple(
        (f"`{path}`", f"`{_last(example, framing)}`")
        for framing in _NAMES
        for path, example in _streams(framing)
    )
    return Section(
        "Streaming",
        "streaming",
        (
            Table(("framing", "content type", "routes", "sign of life"), framings),
            Paragraph(
                f"After {silence} seconds without a byte (`HEARTBEAT_SECONDS`) a sign of life is "
                "sent, which clients pass over: while a request waits for its turn, while a model "
                "is loaded, and between events. A whole answer gets blanks before its JSON."
            ),
            Paragraph(
                "A sign of life commits to the status 200. If the request fails after it, the "
                "error comes with a 200: as the last event of a stream, or as the JSON of a whole "
                "answer. A stream that breaks ends with an error event or a cut connection, never "
                "as if it were whole:"
            ),
            Table(("route", "a stream that is whole ends with"), ends),
            *(
                Code(event, "text", f"The error event of {listed(paths)}")
                for event, paths in broken.items()
            ),
        ),
    )


def _streams(framing: Framing) -> list[tuple[str, str]]:
    """Path and example of each."""
    media = framing.media.decode().partition(";")[0]
    return [
        (route.path, content.example)
        for route in ROUTES
        for content in route.answer
        if content.media == media
    ]


def _last(example: str, framing: Framing) -> str:
    """The first line of the last event, without what differs."""
    separator = framing.separator.decode()
    *_, last = example.removesuffix(separator).split(separator)
    return re.sub(r"\{.*(\"done\":true).*\}", r"{… \1 …}", last.partition("\n")[0])


def _broken(dialect: Dialect) -> str:
    body = error_body(dialect.path, Refusal("truncated"), _REQUEST_ID)
    return dialect.error_event(body).decode()
