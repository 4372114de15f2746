"""`POST /v1/visitor-tokens`: the site's server gets a token for one visitor, whose page shows it in
place of the key."""

from typing import Any

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from gateway.core import keys, model_names, origins
from gateway.core.error_kinds import KINDS
from gateway.core.errors import Refusal
from gateway.dialects.shared import strict_json
from gateway.http.body import ClientGone
from gateway.http.body_budget import Lease
from gateway.http.exchange import Exchange
from gateway.reference.visitor_token import LONGEST, MOST, SHORTEST, VisitorTokenRequest
from gateway.routes.support.answers import AnyRequest, respond
from gateway.services import Services

_MAX_BODY = 64 * 1024
_MOST_MODELS = 100
_LONGEST_MODELS = 2_000  # characters of all their names: each token is a row that has them


def visitor_token_routes(services: Services) -> list[HTTPRouteHandler]:
    @post("/v1/visitor-tokens", status_code=201)
    async def make(request: AnyRequest) -> Response[bytes]:
        return respond(request, await _make(services, request), 201)

    return [make]


async def _make(services: Services, request: AnyRequest) -> dict[str, Any] | Refusal:
    exchange = Exchange(request.scope, request.receive, request.send)
    caller = await services.authenticator.caller(exchange)
    if isinstance(caller, Refusal):
        return caller
    too_often = services.read_rate.refusal(caller)
    if too_often is not None:
        return too_often
    denial = await services.authoriser.identify(exchange, caller._replace(claim=None), None)
    if isinstance(denial, Refusal) and denial.reason != "visitor_token_required":
        return denial
    asked = await _asked(
        exchange, Lease(services.bodies, services.verdict_cache.keys.payer(caller))
    )
    if isinstance(asked, Refusal):
        return asked
    token = keys.make_key(f"{services.settings.api_key_prefix[:8]}-visitor")
    made = await services.store.admin(
        "create_visitor_token",
        {
            "p_key_hash": caller.key_hash,
            "p_origin": exchange.origin,
            "p_token_hash": keys.hash_key(token),
            "p_visitor": asked.visitor,
            "p_expires_in": asked.expires_in,
            "p_uses": asked.uses,
            "p_max_output_tokens": asked.max_output_tokens,
            "p_models": asked.models,
            "p_page": asked.origin,
        },
    )
    refusal = made.get("refusal")
    if refusal in KINDS:
        services.failed_keys.note(exchange, caller.key_hash, refusal)
        return Refusal(refusal, model=made["detail"])
    if refusal:
        return Refusal("invalid_request", made["detail"], param="origin")
    return {"token": token, **made}


async def _asked(exchange: Exchange, lease: Lease) -> VisitorTokenRequest | Refusal:
    """What is asked for, in canonical form."""
    try:
        body = await exchange.body(_MAX_BODY, lease)
    except ClientGone:  # nobody reads it
        return Refusal("request_timeout")
    asked = body if isinstance(body, Refusal) else strict_json.parse(body, VisitorTokenRequest)
    if isinstance(asked, Refusal):
        return asked
    for name, low, high in (
        ("expires_in", SHORTEST, LONGEST),
        ("uses", 1, MOST),
        ("max_output_tokens", 1, MOST),
    ):
        value = getattr(asked, name)
        if value is not None and not low <= value <= high:
            return _wrong(name, f"should be between {low} and {high}")
    if not 1 <= len(asked.visitor) <= 255 or not asked.visitor.isprintable():
        return _wrong("visitor", "should be 1 to 255 printable characters")
    if asked.models is not None and len(asked.models) > _MOST_MODELS:
        return _wrong("models", f"should have at most {_MOST_MODELS} entries")
    if sum(map(len, asked.models or ())) > _LONGEST_MODELS:
        return _wrong("models", f"should have at most {_LONGEST_MODELS} characters in all")
    name = "models"
    try:
        if asked.models is not None:
            asked.models = [model_names.requested_name(model) for model in asked.models]
        name = "origin"
        if asked.origin is not None:
            asked.origin = origins.origin(asked.origin)
    except ValueError as problem:
        return _wrong(name, str(problem).rstrip("."))
    return asked


def _wrong(name: str, text: str) -> Refusal:
    return Refusal("invalid_request", f"{name} {text}.", param=name)
