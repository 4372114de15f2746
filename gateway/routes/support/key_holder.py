"""Who calls a route that reads, and which models the key may see."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.backends.backend import Backend
from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.http.exchange import Exchange
from gateway.routes.support.answers import AnyRequest
from gateway.services import Services
from gateway.stores import Identity, StoreUnavailable


class KeyHolder(NamedTuple):
    """The holder of a key that may use the route."""

    key_hash: str
    origin: str | None
    identity: Identity


async def identify(
    services: Services, request: AnyRequest, scope: str | None
) -> KeyHolder | Refusal:
    """The holder of the key that the request shows, if it may use a route of that scope. Raises
    StoreUnavailable."""
    exchange = Exchange(request.scope, request.receive, request.send)
    key_hash = await services.authenticator.key_hash(exchange)
    if isinstance(key_hash, Refusal):
        return key_hash
    too_often = services.read_rate.refusal(key_hash)
    if too_often is not None:
        return too_often
    identity = await services.verdict_cache.identify(key_hash, scope, exchange.origin)
    reason = None if identity.allowed else identity.reason or "invalid_api_key"
    services.failed_keys.note(exchange, key_hash, reason)
    if reason:
        return Refusal(reason, scope or "" if reason == "scope_missing" else "")
    return KeyHolder(key_hash, exchange.origin, identity)


async def has_scopes(services: Services, holder: KeyHolder, scopes: str) -> bool:
    """Whether the key has all of these scopes, with spaces between; False while the store cannot
    say."""
    try:
        denial = await services.verdict_cache.denial(
            holder.key_hash, scopes, holder.origin, recent=False
        )
    except StoreUnavailable:
        return False
    return denial is None


async def refused_model(
    services: Services,
    spelling: str,
    identity: Identity,
    *,
    native: bool = False,
    among: Sequence[Backend] = (),
) -> Refusal | None:
    """Why the key or this server does not allow a model, if so; `native` and `among`: as in
    `BackendPool.candidates`."""
    try:
        name = model_names.requested_name(spelling)
    except ValueError as problem:
        return Refusal("invalid_request", f"{problem}.", param="model")
    if not model_names.is_allowed(name, identity.allowed_models):
        return Refusal("model_not_allowed", model=name, param="model")
    found = await services.pool.candidates(
        name, cloud=model_names.is_cloud(spelling), native=native, among=among
    )
    return found if isinstance(found, Refusal) else None
