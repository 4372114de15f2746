"""The catalogue of errors in words for readers, not for one request."""

from collections.abc import Iterable

from gateway.errors import CATALOGUE

_TEXTS = {
    "invalid_request": "The request is wrong; the message says where.",
    "not_found": "There is nothing here by this name.",
    "method_not_allowed": "The path has other methods; the header `Allow` names them.",
    "conflict": "This cannot be done as things are.",
    "cloud_model": "The model runs in Ollama's cloud, which the owner has not allowed.",
    "rate_limit_exceeded": "Too many requests; `retry-after` says when to try again.",
    "too_many_failures": "Too many failed log-ins; `retry-after` says when to try again.",
    "request_too_large": "The request body is too large; the message says what is allowed.",
    "upstream_error": "The model server gave an answer that cannot be used.",
    "upstream_refused": "The model server refused the request; the message is its own.",
    "upstream_not_found": "The model server does not know this model.",
    "upstream_busy": "The model server is busy.",
    "upstream_failed": "The model server failed.",
}


def public_text(reason: str) -> str:
    """What a code of the catalogue means."""
    return _TEXTS.get(reason) or CATALOGUE[reason].text.replace("'{model}'", "in question")


def by_status(reasons: Iterable[str]) -> dict[int, list[str]]:
    """Codes of the catalogue, grouped by their HTTP status."""
    groups: dict[int, list[str]] = {}
    for reason in dict.fromkeys(reasons):
        groups.setdefault(CATALOGUE[reason].status, []).append(reason)
    return dict(sorted(groups.items()))
