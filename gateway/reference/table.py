"""Every route there is: who may call it, what it takes and what it answers.

The OpenAPI document and the reference pages are made from this table; a test holds it to what the
application serves.
"""

from typing import Any, NamedTuple

from msgspec import Struct

from gateway.administration import CreateKey, RotateKey, UpdateKey
from gateway.dialects import all_dialects
from gateway.dialects.base import Dialect
from gateway.installed import InstalledModels, OllamaVersion, ShownModel, ShowRequest
from gateway.reference import shapes
from gateway.reference.examples import (
    CREATE,
    HEALTH,
    KEY,
    KEY_ID,
    MODELS,
    USAGE,
    USAGE_ROW,
)
from gateway.reference.native_examples import LOADED, SHOWN, TAGS, VERSION

JSON = "application/json"
EVENTS = "text/event-stream"
HTML = "text/html"
TEXT = "text/plain"

PUBLIC, HOLDER, OWNER = "everybody", "whoever holds a key", "the owner"


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
    """`refusals` are codes of `errors.CATALOGUE`; those that any route can give are added."""

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
    also: tuple[tuple[int, str], ...] = ()  # other statuses with this content, and their meaning
    metered: bool = False  # its answers carry the rate headers


# What any route may say: Edge refuses before a route is asked, and a route can fail.
ANYWHERE = ("origin_not_allowed", "headers_too_large", "internal_error")

_SHOWN_KEY = (
    *("missing_api_key", "malformed_api_key", "invalid_api_key", "key_revoked", "key_expired"),
    *("scope_missing", "store_unavailable"),
)
_MODEL_SERVER = ("upstream_error", "upstream_unavailable", "upstream_timeout")
_OLLAMA = (*_SHOWN_KEY, *_MODEL_SERVER, "upstream_busy", "not_supported")
_ADMIN = ("admin_denied", "too_many_failures", "admin_through_tunnel", "store_unavailable")
_ADMIN_BODY = ("invalid_request", "request_too_large", *_ADMIN)

_PROXIED = (
    *_SHOWN_KEY,
    *("model_not_allowed", "rate_limit_exceeded", "insufficient_quota"),
    *("invalid_request", "cloud_model", "unknown_model", "request_timeout"),
    *("request_too_large", "unsupported_encoding", "queue_full", "outbox_unavailable"),
    *("shutting_down", "upstream_unavailable", "upstream_timeout", "upstream_refused"),
    *("upstream_not_found", "upstream_busy", "upstream_failed", "truncated"),
)


def _proxied(dialect: Dialect) -> Route:
    """What a dialect says of itself."""
    said = dialect.reference
    # No type: some readers hold it to the whole stream, others to each event.
    stream = {"description": "A stream of events, as the example shows."}
    answer = [Content(JSON, said.answer or {"type": "object"}, said.answer_example)]
    if dialect.framing:
        media = dialect.framing.media.decode().partition(";")[0]
        answer.append(Content(media, stream, said.stream_example))
    return Route(
        *("POST", dialect.path, said.name, HOLDER, said.group),
        summary=said.summary,
        text=said.text,
        body=said.request,
        example=said.example,
        answer=tuple(answer),
        metered=True,
        refusals=(*_PROXIED, *(("not_supported",) if dialect.native else ())),
    )


_KEY_ID = Parameter("id", "path", {"type": "string", "format": "uuid"}, "The id of the key.")


def _by_group(*routes: Route) -> tuple[Route, ...]:
    """The routes of a group together; the groups in the order of their first ones."""
    groups = list(dict.fromkeys(route.group for route in routes))
    return tuple(sorted(routes, key=lambda route: groups.index(route.group)))


ROUTES = _by_group(
    *map(_proxied, all_dialects()),
    Route(
        *("GET", "/api/tags", "ollamaTags", HOLDER, "Ollama"),
        summary="List the models that this key can use, as Ollama's API",
        text="Needs the scope `models:read`.",
        answer=(Content(JSON, InstalledModels, TAGS),),
        refusals=_OLLAMA,
    ),
    Route(
        *("GET", "/api/ps", "ollamaPs", HOLDER, "Ollama"),
        summary="List those of them that are in memory",
        text="Needs the scope `models:read`.",
        answer=(Content(JSON, InstalledModels, LOADED),),
        refusals=_OLLAMA,
    ),
    Route(
        *("POST", "/api/show", "ollamaShow", HOLDER, "Ollama"),
        summary="See what one model is",
        text="Needs the scope `models:read`. The Modelfile, its prompts and template, licences "
        "and paths are not told.",
        body=ShowRequest,
        example={"model": "gemma3:270m"},
        answer=(Content(JSON, ShownModel, SHOWN),),
        refusals=(
            *_OLLAMA,
            *("invalid_request", "request_too_large", "model_not_allowed"),
            *("cloud_model", "unknown_model"),
        ),
    ),
    Route(
        *("GET", "/api/version", "ollamaVersion", HOLDER, "Ollama"),
        summary="See which Ollama answers",
        text="",
        answer=(Content(JSON, OllamaVersion, VERSION),),
        refusals=_OLLAMA,
    ),
    Route(
        *("GET", "/v1/models", "listModels", HOLDER, "Account"),
        summary="List the models that this key can use",
        text="Needs the scope `models:read`, which keys have unless it was taken away.",
        answer=(Content(JSON, shapes.ModelList, MODELS),),
        refusals=(*_SHOWN_KEY, *_MODEL_SERVER),
    ),
    Route(
        *("GET", "/v1/models/{model}", "readModel", HOLDER, "Account"),
        summary="See one model that this key can use",
        text="Under any of its names: `gemma3` is `gemma3:latest`. Needs the scope `models:read`.",
        parameters=(
            Parameter(
                "model", "path", {"type": "string", "minLength": 1}, "Its name, with `/` too."
            ),
        ),
        answer=(Content(JSON, shapes.Model, MODELS["data"][0]),),
        refusals=("unknown_model", *_SHOWN_KEY, *_MODEL_SERVER),
    ),
    Route(
        *("GET", "/v1/usage", "readUsage", HOLDER, "Account"),
        summary="See what this key has used",
        text="Its limits, what is used and left this month, and its use by day and model. "
        "Days and months are in UTC.",
        answer=(Content(JSON, shapes.UsageReport, USAGE),),
        refusals=_SHOWN_KEY,
    ),
    Route(
        *("POST", "/admin/api-keys", "createKey", OWNER, "Administration"),
        summary="Make a key",
        text="The answer is the only place where the key ever stands in full.",
        body=CreateKey,
        example=CREATE,
        status=201,
        answer=(
            Content(JSON, shapes.NewKey, {**KEY, "key": "llm_…", "message": "Save this key …"}),
        ),
        refusals=_ADMIN_BODY,
    ),
    Route(
        *("GET", "/admin/api-keys", "listKeys", OWNER, "Administration"),
        summary="List the keys",
        text="Oldest first, revoked ones too.",
        parameters=(
            Parameter(
                "limit",
                "query",
                {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50},
                "Keys on one page.",
            ),
            Parameter(
                "cursor", "query", {"type": "string", "minLength": 1}, "`next` of the page before."
            ),
        ),
        answer=(Content(JSON, shapes.KeyPage, {"data": [KEY], "next": None}),),
        refusals=("invalid_request", *_ADMIN),
    ),
    Route(
        *("PATCH", "/admin/api-keys/{id}", "updateKey", OWNER, "Administration"),
        summary="Change a key",
        text="Holds from the key's next request on.",
        parameters=(_KEY_ID,),
        body=UpdateKey,
        example={"rate_limit_per_min": 60, "allowed_origins": ["https://example.com"]},
        answer=(Content(JSON, shapes.Key, KEY),),
        refusals=("not_found", *_ADMIN_BODY),
    ),
    Route(
        *("DELETE", "/admin/api-keys/{id}", "revokeKey", OWNER, "Administration"),
        summary="Revoke a key",
        text="It is refused from now on, and so are those it replaced. Its usage stays.",
        parameters=(_KEY_ID,),
        answer=(Content(JSON, shapes.Key, {**KEY, "is_active": False}),),
        refusals=("not_found", *_ADMIN),
    ),
    Route(
        *("POST", "/admin/api-keys/{id}/rotate", "rotateKey", OWNER, "Administration"),
        summary="Replace a key by a new one",
        text="Limits, counts and id stay. The old key goes on for the time of grace.",
        parameters=(_KEY_ID,),
        body=RotateKey,
        body_needed=False,
        example={"grace_seconds": 3600},
        answer=(
            Content(JSON, shapes.NewKey, {**KEY, "key": "llm_…", "message": "Save this key …"}),
        ),
        refusals=("not_found", *_ADMIN_BODY),
    ),
    Route(
        *("GET", "/admin/usage", "readAllUsage", OWNER, "Administration"),
        summary="See what all keys have used",
        text="By day, model and key; without a range, the current month to date.",
        parameters=(
            Parameter(
                "api_key_id", "query", {"type": "string", "format": "uuid"}, "Only this key."
            ),
            Parameter("from", "query", {"type": "string", "format": "date"}, "First day (UTC)."),
            Parameter("to", "query", {"type": "string", "format": "date"}, "Last day (UTC)."),
        ),
        answer=(Content(JSON, shapes.UsagePage, {"data": [{"api_key_id": KEY_ID, **USAGE_ROW}]}),),
        refusals=("invalid_request", "not_found", *_ADMIN),
    ),
    Route(
        *("GET", "/health", "readHealth", PUBLIC, "Server"),
        summary="See whether requests can be served",
        text="For monitors: the status says it all. It names no key and no secret.",
        answer=(Content(JSON, shapes.HealthState, HEALTH),),
        also=((503, "Requests cannot be served now; the body says what is away."),),
    ),
    Route(
        *("GET", "/", "home", PUBLIC, "Server"),
        summary="A page that says what this is",
        text="HTML for browsers, one line of text for everything else.",
        answer=(Content(HTML), Content(TEXT, None, "localllm is running\n")),
    ),
    Route(
        *("GET", "/docs", "docs", PUBLIC, "Server"),
        summary="This reference as a page",
        text="It loads nothing from elsewhere and works offline.",
        answer=(Content(HTML),),
    ),
    Route(
        *("GET", "/redoc", "redoc", PUBLIC, "Server"),
        summary="The same page under its other name",
        text="",
        answer=(Content(HTML),),
    ),
    Route(
        *("GET", "/openapi.json", "openapi", PUBLIC, "Server"),
        summary="This reference for programs",
        text="OpenAPI 3.1.",
        answer=(Content(JSON, {"type": "object"}),),
    ),
)
