"""What the types of a request do not say: the bounds that are checked by hand, and a few words."""

from typing import Any

from gateway.core.key_fields import BOUNDS

Note = dict[str, Any]

_VISIBLE = r"[\p{L}\p{M}\p{N}\p{P}\p{S}]"
_PRINTABLE = r"[\p{L}\p{M}\p{N}\p{P}\p{S} ]"
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
_PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_ORIGIN = rf"^(?:\*|[a-z][a-z0-9+-]*://{_LABEL}(?:\.{_LABEL}){{0,4}}(?::{_PORT})?)$"

_NAMESPACE = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}"
_MODEL = rf"^(?:\*|(?:{_NAMESPACE}/)?{_PART}(?::{_PART}|:?\*)?)$"
_LONGEST_LABEL = BOUNDS["label"]["maxLength"]

_KEY: dict[str, Note] = {
    "label": {
        "description": f"What the key is for: 1 to {_LONGEST_LABEL} characters, shown to owner "
        "and holder.",
        "pattern": rf"^\s*{_VISIBLE}(?:{_PRINTABLE}{{0,{_LONGEST_LABEL - 2}}}{_VISIBLE})?\s*$",
    },
    "owner_email": {
        "description": "Whom to write to about it.",
        "pattern": r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,189}$",
    },
    "rate_limit_per_min": {
        "description": "Most requests within any 60 seconds.",
        **BOUNDS["rate_limit_per_min"],
    },
    "monthly_token_limit": {
        "description": "Most tokens in a calendar month (UTC), prompts and answers together.",
        **BOUNDS["monthly_token_limit"],
    },
    "max_output_tokens": {
        "description": "Most tokens of one answer, if that is less than this server's own cap; "
        "null: no other cap.",
        **BOUNDS["max_output_tokens"],
    },
    "allowed_models": {
        "description": "The only models it may use; null: every model. `*` stands for any run of "
        "characters of a whole name, such as `qwen2.5:*`.",
        **BOUNDS["allowed_models"],
        "items": {"type": "string", "pattern": _MODEL},
    },
    "allowed_origins": {
        "description": "The only websites whose pages may use it; null: every website.",
        **BOUNDS["allowed_origins"],
        "items": {"type": "string", "pattern": _ORIGIN},
    },
    "scopes": {
        "description": "What it may do.",
        **BOUNDS["scopes"],
    },
    "expires_at": {
        "description": "When it ends; null: never. A new key's end lies in the future.",
        "format": "date-time",
    },
}

NOTES: dict[str, dict[str, Note]] = {
    "CreateKey": _KEY,
    "UpdateKey": _KEY,
    "RotateKey": {
        "grace_seconds": {
            "description": "How long the old key goes on; left out: "
            f"{BOUNDS['grace_seconds']['default']}.",
            **BOUNDS["grace_seconds"],
        }
    },
    "ChatRequest": {
        "model": {"description": "A name that GET /v1/models lists."},
        "messages": {"description": "The conversation so far, oldest first."},
        "stream": {"description": "true: server-sent events as the answer grows."},
        "stream_options": {"description": "Whether a stream ends with its token counts."},
        "max_tokens": {
            "description": "Most tokens of the answer; cut to what the key has left this month."
        },
        "max_completion_tokens": {"description": "The same, as newer clients call it."},
        "stop": {"description": "Texts at which the answer ends."},
        "seed": {"description": "The same seed and request give the same answer."},
        "temperature": {"description": "0: the likeliest words; more: more varied."},
        "top_p": {"description": "Choose among the words that make up this share of likelihood."},
        "response_format": {"description": "Answer in JSON, or in JSON of a given schema."},
        "tools": {"description": "Functions that the model may ask you to call."},
        "reasoning_effort": {"description": "For models that think: none, low, medium, high."},
    },
}

# Public words for the docstrings that speak to us.
TITLES = {
    "ChatRequest": "Fields that are not listed here do not reach the model.",
    "CreateKey": "What is null or left out takes its default.",
    "UpdateKey": "Only what is named changes; null takes a restriction away.",
    "RotateKey": "The body may be left out.",
}


def annotate(name: str, schema: dict[str, Any]) -> None:
    """Write the notes on the struct `name` into its schema."""
    if name in TITLES:
        schema["description"] = TITLES[name]
    for field, note in NOTES.get(name, {}).items():
        place = schema["properties"][field]
        rest = dict(note)
        place["description"] = rest.pop("description")
        for branch in place.get("anyOf", [place]):
            if branch.get("type") != "null":
                branch.update(rest)
    if name == "UpdateKey":
        schema["minProperties"] = 1
