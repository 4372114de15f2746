"""What the types of a request do not say: the bounds that are checked by hand, and a few words.

A pattern takes all that the code takes. Where JSON Schema cannot say what is refused, such as text
that is not printable or a name that no model can have, there is no pattern for it.
"""

from typing import Any

from gateway.admin.fields import MOMENT
from gateway.core.key_fields import BOUNDS
from gateway.core.origins import ORIGIN

Note = dict[str, Any]


def _around(pattern: str) -> str:
    """A whole text, with the white space around it that Python's `strip` takes away: ECMAScript's
    `\\s` has fewer characters."""
    space = r"[\s\x1c-\x1f\x85]*"
    return f"^{space}{pattern}{space}$"


_LONGEST = BOUNDS["label"]["maxLength"]
_MOST_ORIGINS = BOUNDS["allowed_origins"]["maxItems"]

_KEY: dict[str, Note] = {
    "label": {
        "description": f"What the key is for: 1 to {_LONGEST} printable characters, shown to owner "
        "and holder.",
        "pattern": _around(rf"\S(?:.{{0,{_LONGEST - 2}}}\S)?"),
    },
    "owner_email": {
        "description": "The e-mail address of the person who uses the key.",
        "pattern": _around(BOUNDS["owner_email"]["pattern"].strip("^$")),
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
        "description": "The only models that the key may use; null: every model, []: none. An "
        "entry is a name in any spelling that Ollama takes, or a pattern in which `*` stands for "
        "any run of characters of a whole name, such as `qwen2.5:*` or `hf.co/bartowski/*`.",
        **BOUNDS["allowed_models"],
        "items": {"type": "string", "minLength": 1},
    },
    "allowed_origins": {
        "description": "The only websites whose pages may use the key, such as "
        f"`https://example.com`; null, or `*` among them: every website. At most {_MOST_ORIGINS}.",
        "items": {"type": "string"},
        "anyOf": [
            {"contains": {"const": "*"}},
            {"maxItems": _MOST_ORIGINS, "items": {"pattern": _around(ORIGIN.pattern)}},
        ],
    },
    "scopes": {
        "description": "What the key may do.",
        **BOUNDS["scopes"],
    },
    "expires_at": {
        "description": "When the key ends, as an ISO 8601 date or time, in UTC where it names no "
        "zone; null: never. For a new key this must be in the future.",
        "pattern": _around(MOMENT.pattern),
    },
}

NOTES: dict[str, dict[str, Note]] = {
    "CreateKey": _KEY,
    "UpdateKey": _KEY,
    "RotateKey": {
        "grace_seconds": {
            "description": "How long the old key still works. If left out: "
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

# What takes the place of docstrings that are written for developers.
_TITLES = {
    "ChatRequest": "Fields that are not listed here do not reach the model.",
    "CreateKey": "A field that is null or left out gets its default.",
    "UpdateKey": "Only the named fields change; null removes a restriction.",
    "RotateKey": "The body may be left out.",
}


def annotate(name: str, schema: dict[str, Any]) -> None:
    """Write the notes on the struct `name` into its schema."""
    if name in _TITLES:
        schema["description"] = _TITLES[name]
    for field, note in NOTES.get(name, {}).items():
        place = schema["properties"][field]
        rest = dict(note)
        place["description"] = rest.pop("description")
        for branch in place.get("anyOf", [place]):
            if branch.get("type") != "null":
                branch.update(rest)
    if name == "UpdateKey":
        schema["minProperties"] = 1
