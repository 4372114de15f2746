"""The routes that ask the model: each is what its dialect says of itself."""

from gateway.dialects import all_counters, all_dialects
from gateway.dialects.protocol import Dialect
from gateway.reference.route import HOLDER, JSON, SHOWN_KEY, VISITOR, Content, Route

_PROXIED = (
    *SHOWN_KEY,
    *VISITOR,
    *("visitor_rate_limit_exceeded", "visitor_quota", "visitor_tokens_held"),
    *("model_not_allowed", "rate_limit_exceeded", "insufficient_quota", "tokens_held"),
    *("invalid_request", "cloud_model", "unknown_model", "demo_lacks_model", "request_timeout"),
    "preset_elsewhere",
    *("request_too_large", "too_many_uploads", "uploads_full", "unsupported_encoding"),
    *("queue_full", "outbox_unavailable", "cancelled"),
    *("shutting_down", "upstream_unavailable", "upstream_timeout", "upstream_refused"),
    *("upstream_not_found", "upstream_busy", "upstream_failed", "upstream_cannot", "truncated"),
    "context_length_exceeded",
)
_NATIVE = ("privilege_missing", "not_supported")


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
        form=said.form,
        answer=tuple(answer),
        metered=True,
        scope=dialect.scope,
        places=said.places,
        refusals=(*_PROXIED, *(_NATIVE if dialect.native else ())),
    )


def _counted(dialect: Dialect) -> Route:
    """A route that estimates, and asks no model."""
    refusals = (
        *SHOWN_KEY,
        *VISITOR,
        *("invalid_request", "request_timeout", "request_too_large", "unsupported_encoding"),
        *("too_many_uploads", "uploads_full", "rate_limit_exceeded"),
    )
    route = _proxied(dialect)
    return route._replace(metered=False, refusals=refusals, places=())


PROXIED_ROUTES = (*map(_proxied, all_dialects()), *map(_counted, all_counters()))
