"""Tables of the guide that are made from the dialects, the headers and the catalogue of errors."""

import json
import re

from gateway.core.error_kinds import KINDS
from gateway.core.errors import Refusal
from gateway.dialects import all_dialects, error_body
from gateway.dialects.family import NDJSON, SSE, Framing
from gateway.dialects.protocol import Dialect
from gateway.dialects.reference import Metering
from gateway.reference.headers import HEADERS, RATE_HEADERS
from gateway.reference.markdown import code, listed, table
from gateway.reference.refusals import by_status, public_text, remedy
from gateway.reference.table import ROUTES

_REQUEST_ID = "0b8f9c1e-…"
_FRAMINGS = {
    "Server-sent events": (
        SSE,
        "a comment, such as `: waiting, position 3, about 40 s` or `: working`, and an empty line",
    ),
    "One JSON object a line": (NDJSON, "a space before the next object"),
}
_WHERE = {
    "x-request-id": "every answer",
    "retry-after": "429 and 503, where waiting helps",
    "x-should-retry": "401, 403, 501, and 429 `insufficient_quota`",
    "x-localllm-prompt-cut": "answers whose prompt the model has probably not read whole",
    "x-localllm-ignored": "answers of routes that ask the model, where something was",
    "x-localllm-estimated": "`/v1/messages/count_tokens`",
    **dict.fromkeys(RATE_HEADERS, "answers of routes that count"),
}
# Beside those of the OpenAPI document, which are the same on all routes.
_OTHER_HEADERS = (
    ("`request-id`", "`/v1/messages`", "The same as `x-request-id`, for Anthropic's clients."),
    ("`www-authenticate`", "401 of routes that need a key", "`Bearer`"),
    ("`allow`", "405", "The methods that the path has."),
)


def metering() -> str:
    heads = (
        *("route", "tokens of the prompt", "tokens of the answer"),
        *("in which event of a stream", "the caller's cap"),
    )
    return table(heads, map(_metering_row, all_dialects()))


def _metering_row(dialect: Dialect) -> tuple[str, ...]:
    row = dialect.reference.metering
    return (
        f"`{dialect.path}`",
        " + ".join(f"`{name}`" for name in row.prompt) or "estimated",
        f"`{row.completion}`" if row.completion else "there are none",
        _reporting_event(row),
        _cap(row),
    )


def _reporting_event(row: Metering) -> str:
    if not row.event:
        return "it does not stream"
    return f"{row.event}, below `{row.inside}`" if row.inside else row.event


def _cap(row: Metering) -> str:
    if row.caps in ((), (row.sent_as,)):
        return listed(row.caps) or "there is none"
    return f"{listed(row.caps)}; sent to the model server as `{row.sent_as}`"


def metering_notes() -> str:
    notes: dict[str, list[str]] = {}
    for one in all_dialects():
        notes.setdefault(one.reference.metering.note, []).append(one.path)
    return "\n".join(f"- {listed(paths)}: {note}" for note, paths in notes.items() if note)


def uncounted() -> str:
    paths = {one.path for one in all_dialects()}
    others = [one.path for one in ROUTES if one.metered and one.path not in paths]
    once = f"{listed(others)} counts as a request without tokens. " if others else ""
    return f"{once}No other route counts, neither as tokens nor as a request."


def framings() -> str:
    return table(
        ("framing", "content type", "routes", "heartbeat"),
        [
            (
                name,
                f"`{framing.media.decode()}`",
                listed(path for path, _ in _streams(framing)),
                heartbeat,
            )
            for name, (framing, heartbeat) in _FRAMINGS.items()
        ],
    )


def _streams(framing: Framing) -> list[tuple[str, str]]:
    """Path and example of each route that streams so."""
    media = framing.media.decode().partition(";")[0]
    return [
        (route.path, content.example)
        for route in ROUTES
        for content in route.answer
        if content.media == media
    ]


def stream_ends() -> str:
    return table(
        ("route", "a complete stream ends with"),
        [
            (f"`{path}`", f"`{_last(example, framing)}`")
            for framing, _ in _FRAMINGS.values()
            for path, example in _streams(framing)
        ],
    )


def _last(example: str, framing: Framing) -> str:
    """The first line of the last event, without what differs."""
    separator = framing.separator.decode()
    *_, last = example.removesuffix(separator).split(separator)
    return re.sub(r"\{.*(\"done\":true).*\}", r"{… \1 …}", last.partition("\n")[0])


def broken_streams() -> str:
    """The error event of each way to stream."""
    paths: dict[str, list[str]] = {}
    for one in all_dialects():
        if one.framing:
            body = error_body(one.path, Refusal("truncated"), _REQUEST_ID)
            paths.setdefault(one.error_event(body).decode(), []).append(one.path)
    shown = (f"The error event of {listed(ones)}:\n\n{code(one)}" for one, ones in paths.items())
    return "\n\n".join(shown)


def headers() -> str:
    rows = [(f"`{name}`", _WHERE[name], str(HEADERS[name]["description"])) for name in HEADERS]
    return table(("header of an answer", "where", "meaning"), [*rows, *_OTHER_HEADERS])


def error_form(path: str) -> str:
    """The body of a refusal on this path."""
    return code(error_body(path, Refusal("key_revoked"), _REQUEST_ID).decode(), "json")


def errors() -> str:
    """The whole catalogue, one row for each thing that can go wrong."""
    kinds = sorted(KINDS.items(), key=lambda item: item[1].status)
    rows = [
        (
            f"`{kind.status}`",
            f"`{kind.code}`",
            f"`{kind.type}`",
            public_text(reason),
            remedy(reason),
        )
        for reason, kind in kinds
    ]
    return table(("status", "code", "type", "meaning", "what to do"), rows)


def anthropic_types() -> str:
    statuses: dict[str, list[str]] = {}
    for status, (reason, *_) in by_status(KINDS).items():
        body = json.loads(error_body("/v1/messages", Refusal(reason), _REQUEST_ID))
        statuses.setdefault(body["error"]["type"], []).append(str(status))
    return table(
        ("status", "type"), [(listed(ones), f"`{kind}`") for kind, ones in statuses.items()]
    )
