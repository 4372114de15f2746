"""What the reference says of one route, and the refusals that many routes share."""

from typing import Any, NamedTuple

from msgspec import Struct

from gateway.dialects.reference import Place

JSON = "application/json"
HTML = "text/html"
TEXT = "text/plain"

PUBLIC, HOLDER, OWNER = "everybody", "whoever holds a key", "the owner"
SITE = "the server of a website, with a key that makes tokens for visitors"


class Parameter(NamedTuple):
    """`place` is query or path; `schema` is JSON Schema."""

    name: str
    place: str
    schema: dict[str, Any]
    text: str


class Content(NamedTuple):
    """One form of an answer: its media type, its shape (None: text) and an example."""

    media: str
    shape: type[Struct] | dict[str, Any] | None = None
    example: Any = None


class Route(NamedTuple):
    """`refusals` are codes of `error_kinds.KINDS`; those that any route can give are added."""

    method: str
    path: str
    name: str  # the operation's id, for programs that are made from the document
    who: str
    group: str
    summary: str
    text: str
    answer: tuple[Content, ...]
    status: int = 200
    refusals: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: type[Struct] | None = None
    body_needed: bool = True
    example: Any = None
    form: bool = False  # the body may be a form, too
    also: tuple[tuple[int, str], ...] = ()  # other statuses with this content, and their meaning
    metered: bool = False  # it counts, and its answers carry the rate headers
    scope: str = ""  # what a key needs; "": any key will do
    places: tuple[Place, ...] = ()  # what becomes of what can stand in the body


# What any route may say: Edge refuses before a route is asked, and a route can fail.
ANYWHERE = (
    *(
        "origin_not_allowed",
        "host_not_served",
        "access_denied",
        "access_unavailable",
        "headers_too_large",
    ),
    "internal_error",
)

SHOWN_KEY = (
    *("missing_api_key", "malformed_api_key", "invalid_api_key", "key_revoked", "key_expired"),
    *("scope_missing", "too_many_failures", "store_unavailable"),
)
# Where visitors call with a key, or in its place.
VISITOR = (
    *("invalid_visitor_token", "issuer_unavailable", "visitor_token_required"),
    *("visitor_token_expired", "visitor_token_used_up", "visitor_unknown", "visitor_anonymous"),
)
MODEL_SERVER = ("upstream_error", "upstream_unavailable", "upstream_timeout")
