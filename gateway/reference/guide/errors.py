"""Refusals: what they look like, what they mean, and what to do."""

import json

from gateway.core.errors import KINDS, Refusal
from gateway.dialects import error_body
from gateway.reference.blocks import Block, Code, Paragraph, Section, Table, listed
from gateway.reference.refusals import by_status, public_text, remedy

_FAMILIES = (
    ("OpenAI's form, on all other paths", "/v1/chat/completions"),
    ("Anthropic's form, on `/v1/messages`", "/v1/messages"),
    ("Ollama's form, below `/api/`", "/api/chat"),
)
_EXAMPLE = Refusal("key_revoked")
_ID = "0b8f9c1e-…"


def errors() -> Section:
    """The whole catalogue, one row for each thing that can go wrong."""
    forms: list[Block] = []
    for name, path in _FAMILIES:
        forms += [Paragraph(f"{name}:"), Code(error_body(path, _EXAMPLE, _ID).decode(), "json")]
    kinds = sorted(KINDS.items(), key=lambda item: item[1].status)
    rows = tuple(
        (
            f"`{kind.status}`",
            f"`{kind.code}`",
            f"`{kind.type}`",
            public_text(reason),
            remedy(reason),
        )
        for reason, kind in kinds
    )
    return Section(
        "Errors",
        "errors",
        (
            Paragraph("Every refusal has the form that the clients of its path expect:"),
            *forms,
            Paragraph(
                "All four keys of OpenAI's form are always there; `param` names the field that is "
                "wrong. OpenAI's and Anthropic's clients try again by themselves after 408, 409, "
                "429 and 5xx, unless `x-should-retry` is `false`."
            ),
            Table(("status", "code", "type", "meaning", "what to do"), rows),
            Paragraph("For Anthropic's clients the type goes by the status:"),
            Table(("status", "type"), _anthropic_types()),
        ),
    )


def _anthropic_types() -> tuple[tuple[str, str], ...]:
    statuses: dict[str, list[str]] = {}
    for status, (reason, *_) in by_status(KINDS).items():
        body = json.loads(error_body("/v1/messages", Refusal(reason), _ID))
        statuses.setdefault(body["error"]["type"], []).append(str(status))
    return tuple((listed(ones), f"`{kind}`") for kind, ones in statuses.items())
