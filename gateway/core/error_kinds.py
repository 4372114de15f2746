"""Every refusal the gateway can give: code, HTTP status, OpenAI error type and text, in one table.

The codes in the first part of it are also the reasons that the SQL functions return.
"""

from typing import NamedTuple


class Kind(NamedTuple):
    status: int
    type: str
    code: str  # what the client sees; several reasons can share a code
    text: str


_INVALID = "invalid_request_error"
_BUSY = "service_unavailable_error"
# litellm takes a 401 for a bad request unless it says this, as OpenAI's do.
_WRONG_KEY = "Incorrect API key provided: "
_HOW = (
    " Send a key of this server as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'; its owner "
    "makes one with `localllm keys create`."
)


def _wrong_key(why: str) -> Kind:
    return Kind(401, _INVALID, "invalid_api_key", _WRONG_KEY + why + _HOW)


def _too_often(text: str) -> Kind:
    return Kind(429, "rate_limit_error", "rate_limit_exceeded", text)


KINDS: dict[str, Kind] = {
    # reasons given by the store
    "invalid_api_key": _wrong_key("it does not exist here."),
    "key_revoked": _wrong_key("it has been revoked."),
    "key_expired": _wrong_key("it has expired."),
    "scope_missing": Kind(
        403,
        _INVALID,
        "permission_denied",
        "This API key may not use this route: it lacks the scope {detail}. "
        "Ask the owner of this server for it.",
    ),
    "origin_not_allowed": Kind(
        403,
        _INVALID,
        "permission_denied",
        "Pages of this website may not call this server. Its owner can allow them: with "
        "CORS_ORIGINS, and in the key if that has origins of its own.",
    ),
    "model_not_allowed": Kind(
        403, _INVALID, "model_not_found", "This API key may not use the model '{model}'."
    ),
    "rate_limit_exceeded": _too_often("Too many requests. Try again in {wait} s."),
    "insufficient_quota": Kind(
        429,
        "insufficient_quota",
        "insufficient_quota",
        "This request does not fit into what is left of this API key's monthly token limit."
        "{detail}",
    ),
    "visitor_unknown": Kind(
        403,
        _INVALID,
        "permission_denied",
        "This key tells its visitors apart by their address, and yours is not known here: the "
        "request came through a proxy that is not trusted. The owner of this server can use its "
        "own tunnel, or name the proxy in TRUSTED_PROXIES.",
    ),
    "visitor_token_required": Kind(
        403,
        _INVALID,
        "visitor_token_required",
        "This key itself may not be used in a page, from where anybody could take it. Send the "
        "token of a visitor: the website's server makes one with POST /v1/visitor-tokens, or it "
        "is that of the visitor's log-in.",
    ),
    "visitor_anonymous": Kind(
        403,
        _INVALID,
        "permission_denied",
        "This website lets only visitors in who have logged in with an account.",
    ),
    "visitor_token_expired": Kind(
        401,
        _INVALID,
        "visitor_token_expired",
        _WRONG_KEY + "this visitor's token has expired, or its website has ended it. The website "
        "can make a new one.",
    ),
    "visitor_token_used_up": Kind(
        401,
        _INVALID,
        "visitor_token_used_up",
        _WRONG_KEY + "this visitor's token has been used as often as it may. The website can make "
        "a new one.",
    ),
    "visitor_rate_limit_exceeded": Kind(
        429,
        "rate_limit_error",
        "visitor_rate_limit_exceeded",
        "Too many requests of this visitor. Try again in {wait} s.",
    ),
    "visitor_quota": Kind(
        429,
        "insufficient_quota",
        "visitor_quota",
        "This request does not fit into what is left of this visitor's day.{detail}",
    ),
    "visitor_tokens_held": _too_often(
        "Requests of this visitor that run now hold the tokens that this one may need.{detail} "
        "What they do not use is free when they end: try again in {wait} s.",
    ),
    "visitors_by_token_off": Kind(
        403,
        _INVALID,
        "permission_denied",
        "This key makes no tokens for visitors. The owner of this server can allow it with "
        '`localllm keys update ID --visitors "token tokens_per_day=20000"`. Such a key has to '
        "stay secret, so `token` has to stand there alone.",
    ),
    # made by the gateway
    "tokens_held": _too_often(
        "Requests of this API key that run now hold the tokens that this one may need.{detail} "
        "What they do not use is free when they end: try again in {wait} s.",
    ),
    "missing_api_key": _wrong_key("there is none."),
    "malformed_api_key": _wrong_key("it is not a valid API key. Check it for typos."),
    "invalid_visitor_token": Kind(401, _INVALID, "invalid_visitor_token", _WRONG_KEY + "{detail}"),
    "admin_denied": Kind(
        401, _INVALID, "invalid_admin_secret", "The header X-Admin-Secret is missing or wrong."
    ),
    "metrics_denied": Kind(
        403,
        _INVALID,
        "permission_denied",
        "From elsewhere than the gateway's own machine, this page needs METRICS_TOKEN as "
        "'Authorization: Bearer TOKEN'.",
    ),
    "too_many_failures": _too_often(
        "Too many failed log-ins. Try again in {wait} s.",
    ),
    "admin_through_tunnel": Kind(
        403,
        _INVALID,
        "permission_denied",
        "Admin routes are not available through the tunnel or another proxy. "
        "The owner of this server can change that with ADMIN_THROUGH_TUNNEL.",
    ),
    "keys_elsewhere": Kind(
        501,
        "api_error",
        "not_supported",
        "This gateway has a token that only serves calls. Keys are managed with the project's "
        "Supabase function 'admin', or by a gateway that has SUPABASE_SERVICE_KEY.",
    ),
    "host_not_served": Kind(
        421,
        _INVALID,
        "permission_denied",
        "This server is not known as '{detail}'. If this is its name, its owner can set "
        "ALLOWED_HOSTS={detail}.",
    ),
    "access_denied": Kind(
        403, _INVALID, "permission_denied", "This request was refused: {detail}."
    ),
    "privilege_missing": Kind(403, _INVALID, "permission_denied", "{detail}"),
    "invalid_request": Kind(400, _INVALID, "invalid_request", "{detail}"),
    "context_length_exceeded": Kind(
        400,
        _INVALID,
        "context_length_exceeded",
        "This model's maximum context length is {limit} tokens. However, your prompt has {tokens}"
        " tokens. {detail}",
    ),
    "cloud_model": Kind(
        403,
        _INVALID,
        "model_not_found",
        "'{model}' runs in Ollama's cloud. The owner of this server does not allow cloud models.",
    ),
    "unknown_model": Kind(404, _INVALID, "model_not_found", "model '{model}' not found"),
    "preset_elsewhere": Kind(
        400,
        _INVALID,
        "invalid_request",
        "'{model}' is a preset, and answers chats: send it to /v1/chat/completions or another "
        "route for chats.",
    ),
    "demo_lacks_model": Kind(
        404,
        _INVALID,
        "model_not_found",
        "model '{model}' not found: the built-in demo model, '{detail}', stands in for Ollama here "
        "and has no other name. Start Ollama and pull the model, or name none.",
    ),
    "not_found": Kind(404, _INVALID, "not_found", "{detail}"),
    "needs_the_machine": Kind(  # said by the Supabase function alone
        404,
        _INVALID,
        "needs_the_machine",
        "This is about a running gateway and its machine: ask the gateway itself, at its own "
        "address. Here is what stands in the database.",
    ),
    "method_not_allowed": Kind(405, _INVALID, "method_not_allowed", "Use {detail} here."),
    "request_timeout": Kind(
        408, "timeout_error", "request_timeout", "The request did not arrive in time."
    ),
    "conflict": Kind(409, _INVALID, "conflict", "{detail}"),
    "request_too_large": Kind(
        413, _INVALID, "request_too_large", "The request body is larger than {detail} bytes."
    ),
    "unsupported_encoding": Kind(
        415, _INVALID, "unsupported_encoding", "Send the body without Content-Encoding."
    ),
    "headers_too_large": Kind(
        431, _INVALID, "headers_too_large", "The request headers are too large."
    ),
    "cancelled": Kind(
        403, _INVALID, "request_cancelled", "The owner of this server has ended this request."
    ),
    "too_many_watchers": _too_often(
        "Too many pages watch this server. Try again in {wait} s.",
    ),
    "queue_full": Kind(
        503, _BUSY, "server_is_overloaded", "Too many requests are waiting for the model."
    ),
    "too_many_uploads": _too_often(
        "Too much is being uploaded with this API key at once. Try again in {wait} s.",
    ),
    "uploads_full": Kind(
        503, _BUSY, "server_is_overloaded", "Too much is being uploaded to this server at once."
    ),
    "access_unavailable": Kind(
        503, _BUSY, "server_is_overloaded", "Cloudflare Access cannot be checked at the moment."
    ),
    "issuer_unavailable": Kind(
        503,
        _BUSY,
        "server_is_overloaded",
        "Tokens of visitors cannot be checked at the moment: {detail}.",
    ),
    "store_unavailable": Kind(
        503, _BUSY, "server_is_overloaded", "The key database does not answer at the moment."
    ),
    "outbox_unavailable": Kind(
        503, _BUSY, "server_is_overloaded", "This server's disk is full or read-only."
    ),
    "upstream_unavailable": Kind(
        503, _BUSY, "server_is_overloaded", "The model server cannot be reached at the moment."
    ),
    "shutting_down": Kind(503, _BUSY, "server_is_overloaded", "This server is restarting."),
    "upstream_timeout": Kind(
        504, "timeout_error", "upstream_timeout", "The model did not answer in time."
    ),
    "not_supported": Kind(
        501,
        "api_error",
        "not_supported",
        "This needs Ollama; the model server here is another one.",
    ),
    "demo_model": Kind(
        501,
        "api_error",
        "not_supported",
        "This needs Ollama, and the built-in demo model stands in for it here. Start Ollama.",
    ),
    "too_many_pulls": _too_often(
        "Other models are being pulled right now. Try again in {wait} s.",
    ),
    "pull_stalled": Kind(
        504,
        "timeout_error",
        "upstream_timeout",
        "The pull made no progress for too long. Start it again: it resumes where it stopped.",
    ),
    "upstream_error": Kind(502, "api_error", "upstream_error", "{detail}"),
    # the model server's own refusals, in its own words
    "upstream_refused": Kind(400, _INVALID, "invalid_request", "{detail}"),
    "upstream_not_found": Kind(404, _INVALID, "model_not_found", "{detail}"),
    "upstream_busy": Kind(503, _BUSY, "server_is_overloaded", "{detail}"),
    "upstream_cannot": Kind(501, "api_error", "not_supported", "{detail}"),
    "upstream_failed": Kind(500, "api_error", "upstream_error", "{detail}"),
    "truncated": Kind(
        502, "api_error", "upstream_error", "The model stopped before its answer was complete."
    ),
    "internal_error": Kind(
        500, "api_error", "internal_error", "Something went wrong in the gateway."
    ),
}
