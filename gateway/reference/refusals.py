"""The catalogue of errors in words for readers, not for one request."""

from collections.abc import Iterable

from gateway.core.error_kinds import KINDS

_TEXTS = {
    "invalid_request": "The request is wrong; the message says where.",
    "not_found": "There is nothing here by this name.",
    "method_not_allowed": "The path has other methods; the header `Allow` names them.",
    "conflict": "This cannot be done as things are.",
    "privilege_missing": "A field needs a scope of its own; the message names both.",
    "cloud_model": "The model runs in Ollama's cloud, which the owner has not allowed.",
    "scope_missing": "The key may not use this route; the message names the scope that it lacks.",
    "unknown_model": "The model is not installed; the message is Ollama's.",
    "preset_elsewhere": "The model is a preset, which only routes for chats and texts serve.",
    "demo_lacks_model": "Ollama is away, and the demo model that stands in has no other name.",
    "insufficient_quota": "The request does not fit into what is left of the key's monthly limit; "
    "the message says what it may need, what is left, and until when.",
    "tokens_held": "Running requests of the key hold the tokens that this one may need; "
    "`retry-after` says when to try again.",
    "visitor_quota": "The request does not fit into what is left of the visitor's day; the message "
    "says what it may need, what is left, and until when.",
    "visitor_tokens_held": "Running requests of the visitor hold the tokens that this one may "
    "need; `retry-after` says when to try again.",
    "visitor_rate_limit_exceeded": "Too many requests of one visitor; `retry-after` says when to "
    "try again.",
    "rate_limit_exceeded": "Too many requests; `retry-after` says when to try again.",
    "too_many_failures": "Too many failed log-ins; `retry-after` says when to try again.",
    "too_many_pulls": "Other models are being pulled; `retry-after` says when to try again.",
    "too_many_uploads": "Too much is being uploaded with this key at once; `retry-after` says "
    "when to try again.",
    "request_too_large": "The request body is too large; the message says what is allowed.",
    "upstream_error": "The model server gave an answer that cannot be used.",
    "upstream_refused": "The model server refused the request; the message is its own.",
    "upstream_not_found": "The model server does not know this model.",
    "host_not_served": "The server is not known by the name in the header Host.",
    "access_denied": "Cloudflare Access did not let this request in.",
    "invalid_visitor_token": "The token of a website's visitor is not valid; the message says why.",
    "issuer_unavailable": "Tokens of visitors cannot be checked now: their issuer's keys are away.",
    "needs_the_machine": "The Supabase function cannot answer this; a gateway can.",
    "cancelled": "The owner of the server has ended the request.",
    "too_many_watchers": "Too many pages watch; `retry-after` says when to try again.",
    "upstream_busy": "The model server is busy.",
    "upstream_failed": "The model server failed.",
    "upstream_cannot": "The model server cannot do that, for example with this model.",
    "context_length_exceeded": "The prompt does not fit the model's context; the message says how "
    "long it is and what fits.",
}


_LATER = "Try again after `retry-after` seconds."
_OWNER = "Ask the owner"
_SCOPE = "[scope](#what-a-key-may-do)"
# What the caller can do about it, where it is not only to wait.
_REMEDIES = {
    "missing_api_key": "Send a key in one of the [headers](#keys).",
    "malformed_api_key": "Copy the key again, whole.",
    "invalid_api_key": "Use a key of this server.",
    "invalid_visitor_token": "Log the visitor in again, or do what the message says.",
    "key_revoked": f"{_OWNER} for a new key.",
    "key_expired": f"{_OWNER} for a new key, or a later end.",
    "scope_missing": f"{_OWNER} for the {_SCOPE} of the route.",
    "privilege_missing": f"Leave the field out, or {_OWNER.lower()} for the {_SCOPE}.",
    "origin_not_allowed": f"{_OWNER} to allow [your website](#websites-cors).",
    "model_not_allowed": "Use one that [GET /v1/models](#get-v1models) lists.",
    "cloud_model": "Use one that [GET /v1/models](#get-v1models) lists.",
    "unknown_model": "Use one that [GET /v1/models](#get-v1models) lists.",
    "preset_elsewhere": "Use a route for chats.",
    "demo_lacks_model": f"{_OWNER} to start Ollama, or name no model.",
    "upstream_not_found": "Use one that [GET /v1/models](#get-v1models) lists.",
    "insufficient_quota": f"Wait for the next month, or ask for less at once; {_OWNER.lower()} "
    "for more.",
    "visitor_token_required": "Send a [visitor's token](#post-v1visitor-tokens).",
    "visitor_token_expired": "Make a [new token](#post-v1visitor-tokens).",
    "visitor_token_used_up": "Make a [new token](#post-v1visitor-tokens).",
    "visitor_unknown": f"{_OWNER} to use the server's own tunnel, or `TRUSTED_PROXIES`.",
    "visitor_anonymous": "Let the visitor log in with an account.",
    "visitor_quota": "Wait for the next day, or ask for less at once.",
    "visitors_by_token_off": f"{_OWNER} for a key with visitors by token alone.",
    "admin_denied": "Send the secret in `X-Admin-Secret`.",
    "metrics_denied": "Call from the machine itself, or send `METRICS_TOKEN`.",
    "admin_through_tunnel": "Call from the machine itself, or set `ADMIN_THROUGH_TUNNEL`.",
    "keys_elsewhere": "Use the Supabase function `admin`; its routes are the same.",
    "host_not_served": "Use one of its names, or set `ALLOWED_HOSTS`.",
    "access_denied": "Log in at Cloudflare Access, or send its service token.",
    "invalid_request": "Change what the message names.",
    "not_found": "Look for the path in this reference, or for the id in the list.",
    "method_not_allowed": "Use one of those.",
    "request_timeout": "Send it again, faster.",
    "conflict": "Look at the state of things and try again.",
    "request_too_large": "Send less at once.",
    "unsupported_encoding": "Send the body as it is.",
    "headers_too_large": "Send fewer or shorter headers.",
    "needs_the_machine": "Ask the gateway itself.",
    "cancelled": f"{_OWNER} why.",
    "outbox_unavailable": f"Tell the owner. {_LATER}",
    "upstream_timeout": "Try again, or ask for less.",
    "demo_model": f"{_OWNER} to start Ollama.",
    "pull_stalled": "Pull again.",
    "not_supported": "Use a [route](#what-is-not-there) that every model server has.",
    "upstream_refused": "Change what the message says.",
    "upstream_error": "Try again; if it stays, tell the owner the `x-request-id`.",
    "upstream_failed": "Try again; if it stays, tell the owner the `x-request-id`.",
    "upstream_cannot": "Change what the message says.",
    "context_length_exceeded": "Shorten the prompt, or ask the owner for a longer context.",
    "truncated": "Try again; what you got is not whole.",
    "internal_error": "Try again; if it stays, tell the owner the `x-request-id`.",
}


def public_text(reason: str) -> str:
    """What a code of the catalogue means."""
    return _TEXTS.get(reason) or KINDS[reason].text.replace("'{model}'", "in question")


def remedy(reason: str) -> str:
    """What somebody can do who is refused so."""
    later = _LATER if KINDS[reason].status in {429, 503} else ""
    return _REMEDIES.get(reason, later)


def by_status(reasons: Iterable[str]) -> dict[int, list[str]]:
    """Codes of the catalogue, grouped by their HTTP status."""
    groups: dict[int, list[str]] = {}
    for reason in dict.fromkeys(reasons):
        groups.setdefault(KINDS[reason].status, []).append(reason)
    return dict(sorted(groups.items()))
